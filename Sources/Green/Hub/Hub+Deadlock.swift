internal import CGreen

/// All greenlets of a hub wait for each other: no timer, socket, thread or signal can end that. Reported once, to
/// `HubOptions.report`; the hub goes on waiting.
public struct DeadlockedHub: Error, CustomStringConvertible {
    /// Who waits for what, and where each was spawned.
    public let description: String
}

/// When a hub that has nothing to wait for last ran somebody, and whether it was looked at since.
struct IdleWatch {
    fileprivate var beats: UInt64 = .max
    fileprivate var since: UInt64 = 0
    fileprivate var isDone = false
    fileprivate var isReported = false

    /// So long nothing happens before a hub is looked at.
    fileprivate static let pause: UInt64 = 1_000_000_000
}

extension Hub {
    /// What waits end of that is not of this hub alone.
    private static let outside: Set<String> = [
        "readable socket", "writable socket", "a blocking call", "a Swift task", "room in a queue between threads",
        "a queue between threads", "one of several", "any of several",
    ]

    /// Until when to wait where no timer says so: a second, the first time, to see whether anybody can ever go on. Costs a
    /// comparison in a turn, and a look at all greenlets in each pause of more than a second.
    func idleDeadline() -> UInt64 {
        guard watchesForDeadlock, unsafe !core.pointee.idle.isReported else { return .max }
        let (beats, now) = unsafe (green_pulse_read(pulse.pointer).beats, core.pointee.now.nanoseconds)
        if unsafe beats != core.pointee.idle.beats {
            unsafe core.pointee.idle = IdleWatch(beats: beats, since: now)
        }
        if unsafe core.pointee.idle.isDone { return .max }
        let end = unsafe core.pointee.idle.since + IdleWatch.pause
        guard end <= now else { return end }
        unsafe core.pointee.idle.isDone = true
        if isDeadlocked {
            unsafe core.pointee.idle.isReported = true
            options.report(
                "hub", DeadlockedHub(description: "all greenlets wait, and nothing can end that\n\(describeGreenlets())"))
        }
        return .max
    }

    /// Whether nothing outside can end the wait of anybody.
    package var isDeadlocked: Bool {
        guard unsafe !hasOutsiders, (loop as? LibeventLoop)?.signalWatches.isEmpty == true else { return false }
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            if unsafe record.pointee.state == .waiting, unsafe Self.outside.contains(record.pointee.waitsFor.description) {
                return false
            }
        }
        return true
    }
}
