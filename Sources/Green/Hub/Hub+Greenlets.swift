internal import CGreen

/// What one greenlet is doing at this moment, for those who look into a running hub.
public struct GreenletInfo: Sendable, CustomStringConvertible {
    /// What a greenlet can be doing.
    public enum State: String, Sendable {
        /// It can go on, when its turn comes.
        case ready
        /// It is on the processor.
        case running
        /// It waits.
        case waiting
    }

    /// Its number; hubs count theirs from 1.
    public let number: UInt64
    /// The name it was given, else one with its number.
    public let name: String
    /// What it is doing.
    public let state: State
    /// What it waits for, if it does.
    public let waitsFor: String?
    /// How long ago it was started.
    public let age: Duration
    /// Whether it is being ended.
    public let isKilled: Bool

    /// One line.
    public var description: String {
        let wait = waitsFor.map { " for \($0)" } ?? ""
        return "\(name): \(state.rawValue)\(wait), started \(age) ago\(isKilled ? ", killed" : "")"
    }
}

extension Hub {
    /// All greenlets that are alive, in the order they were started. Costs an allocation or two each.
    public var greenlets: [GreenletInfo] {
        unsafe core.checkThread("a hub")
        var found: [GreenletInfo] = []
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            if unsafe record.pointee.state != .idle { found.append(unsafe info(of: record)) }
        }
        return found.sorted { $0.number < $1.number }
    }

    /// A report of what the hub is doing, one line for each greenlet, for a log or a terminal.
    public func describeGreenlets() -> String {
        let all = greenlets
        let head = "hub: \(all.count) greenlets, at most \(greenletHighWater) so far, \(unsafe core.pointee.timers.count) timers"
        return ([head] + all.map { "  \($0)" }).joined(separator: "\n")
    }

    private func info(of record: RecordPointer) -> GreenletInfo {
        let handle = unsafe record.pointee.handle?.takeUnretainedValue()
        let state = unsafe record.pointee.state
        return GreenletInfo(
            number: unsafe record.pointee.number,
            name: handle?.name ?? (unsafe "greenlet-\(record.pointee.number)"),
            state: state == .waiting ? .waiting : state == .ready ? .ready : .running,
            waitsFor: state == .waiting ? (unsafe record.pointee.waitsFor.description) : nil,
            age: unsafe record.pointee.startedAt.duration(to: loop.now()),
            isKilled: unsafe record.pointee.isKilled
        )
    }

    /// Kills every greenlet that waits or is about to go on; those without a handle too.
    func killAll() {
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            switch unsafe record.pointee.state {
            case .waiting, .ready: unsafe core.kill(record)
            case .idle, .running: break
            }
        }
    }

    /// Ends greenlets that were started on a hub that nobody ran, without running them.
    func abandonGreenlets() {
        for index in unsafe core.pointee.records.indices {
            guard let handle = unsafe core.pointee.records[index].pointee.handle else { continue }
            let greenlet = unsafe handle.takeRetainedValue()
            unsafe greenlet.fail(Interruption.killed, on: core)
        }
    }

    /// Runs `body`, which must not wait, as this hub's thread does between two greenlets.
    func asCurrent(_ body: () -> Void) {
        let previous = unsafe green_current_hub()
        unsafe green_set_current_hub(core)
        body()
        unsafe green_set_current_hub(previous)
    }

    /// Runs `body` as if no hub ran on this thread.
    static func asNone(_ body: () -> Void) {
        let previous = unsafe green_current_hub()
        green_set_current_hub(nil)
        body()
        unsafe green_set_current_hub(previous)
    }
}
