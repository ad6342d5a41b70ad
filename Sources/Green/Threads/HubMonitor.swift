internal import CGreen
internal import Glibc

/// A greenlet kept its hub for itself for too long: nobody else ran, no event was seen.
public struct HeldHub: Sendable, CustomStringConvertible {
    /// The number of the greenlet.
    public let greenlet: UInt64
    /// Its name; known only when it is over.
    public let name: String?
    /// For how long it has kept, or kept, the hub; as exact as the monitor looks, a quarter of its limit.
    public let duration: Duration
    /// Whether others can run again.
    public let isOver: Bool
    /// Where it was when it was found; nil where that could not be had.
    public let trace: StackTrace?

    /// One line for a log.
    public var description: String {
        let who = name ?? "greenlet-\(greenlet)"
        return isOver ? "\(who) kept its hub for \(duration)" : "\(who) has kept its hub for \(duration), and still does"
    }
}

/// A thread that watches a hub and reports each greenlet that kept it for longer than a limit: a computation that should
/// yield, a blocking call that belongs into `blocking`. Ends when it is let go of.
///
/// ```swift
/// let monitor = try HubMonitor { held in log("\(held)\n\(held.trace?.description ?? "")") }
/// monitor.isOn = false            // until it is switched on again
/// ```
///
/// Costs the hub two stores in memory for each resumption, whether there is a monitor or not. Where the greenlet is, is asked by
/// a signal to the hub's thread, `SIGURG`, once for each report: a system call that blocks there may end with `EINTR`, if it is
/// one of those that the kernel does not begin anew.
public final class HubMonitor {
    /// What the thread and its owner share.
    private struct State {
        var isStopped = false
        var isOn = true
        /// The number of the hub's thread; 0 while it is not known.
        var thread: Int32 = 0
    }

    private let state = Locked(State())

    /// Whether it reports.
    public var isOn: Bool {
        get { state.withLock { $0.isOn } }
        set { state.withLock { $0.isOn = newValue } }
    }

    /// Watches `hub` from now on. Throws where the system starts no thread. `report` is called on the monitor's thread while the
    /// hub is held, and on the hub's thread once it is over, for each case that `filter` lets pass; that one is called on the
    /// monitor's thread, and may look at where the greenlet is. Without `tracesStack` that is not asked.
    public init(
        _ hub: Hub = .current, limit: Duration = .milliseconds(100), tracesStack: Bool = true,
        filter: @escaping @Sendable (HeldHub) -> Bool = { _ in true }, report: @escaping @Sendable (HeldHub) -> Void
    ) throws(SocketError) {
        let (pulse, mailbox, state) = (hub.pulse, hub.ownMailbox, state)
        let watch = Watch(pulse: pulse, mailbox: mailbox, limit: limit.clampedNanoseconds, filter: filter, report: report)
        try startThread(name: "green-monitor") { _ in
            var watch = watch
            while true {
                let (isStopped, isOn, thread) = state.withLock { ($0.isStopped, $0.isOn, $0.thread) }
                if isStopped { return }
                usleep(UInt32(clamping: max(1, watch.limit / 4_000)))
                watch.look(isOn: isOn, thread: thread)
            }
        }
        guard tracesStack else { return }
        if unsafe green_current_hub() == UnsafeMutableRawPointer(hub.core) {
            state.withLock { $0.thread = green_trace_admit() }
        } else {
            mailbox.post { state.withLock { $0.thread = green_trace_admit() } }
        }
    }

    deinit {
        stop()
    }

    /// Watches no more.
    public func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// What the monitor's thread knows of the hub.
    private struct Watch: Sendable {
        let pulse: HubPulse
        let mailbox: HubMailbox
        let limit: UInt64
        let filter: @Sendable (HeldHub) -> Bool
        let report: @Sendable (HeldHub) -> Void
        var last: (turns: UInt64, greenlet: UInt64?) = (0, nil)
        var since = LibeventLoop.monotonic()
        var isJudged = false

        /// Looks whether the same greenlet still runs.
        mutating func look(isOn: Bool, thread: Int32) {
            let reading = pulse.reading
            let now = LibeventLoop.monotonic()
            guard let number = reading.greenlet, reading == last else {
                (last, since, isJudged) = (reading, now, false)
                return
            }
            guard isOn, !isJudged, now - since >= limit else { return }
            isJudged = true
            let trace = StackTrace(ofThread: thread)
            // Who has gone on meanwhile was somewhere else by then.
            guard pulse.reading == last else { return }
            let duration = Duration.nanoseconds(Int64(clamping: now - since))
            let held = HeldHub(greenlet: number, name: nil, duration: duration, isOver: false, trace: trace)
            guard filter(held) else { return }
            report(held)
            let (begin, report) = (since, report)
            mailbox.post {
                let duration = Duration.nanoseconds(Int64(clamping: LibeventLoop.monotonic() - begin))
                let name = Hub.current.greenlets.first { $0.number == number }?.name
                report(HeldHub(greenlet: number, name: name, duration: duration, isOver: true, trace: trace))
            }
        }
    }
}
