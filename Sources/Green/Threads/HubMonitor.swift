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

    /// One line for a log.
    public var description: String {
        let who = name ?? "greenlet-\(greenlet)"
        return isOver ? "\(who) kept its hub for \(duration)" : "\(who) has kept its hub for \(duration), and still does"
    }
}

/// A thread that watches a hub and reports each greenlet that kept it for longer than a limit: a computation that should
/// yield, a blocking call that belongs into `blocking`. Ends when it is let go of.
///
/// Costs the hub two stores in memory for each resumption, whether there is a monitor or not.
public final class HubMonitor {
    private let isStopped = Locked(false)

    /// Watches `hub` from now on. Throws where the system starts no thread. `report` is called on the monitor's thread while the hub is held, and on the hub's
    /// thread once it is over.
    public init(
        _ hub: Hub = .current, limit: Duration = .milliseconds(100), report: @escaping @Sendable (HeldHub) -> Void
    ) throws(SocketError) {
        let (pulse, mailbox, isStopped) = (hub.pulse, hub.ownMailbox, isStopped)
        try startThread(name: "green-monitor") { _ in
            let step = max(1, limit.clampedNanoseconds / 4_000)
            var last = pulse.reading
            var (since, isReported) = (LibeventLoop.monotonic(), false)
            while !isStopped.withLock({ $0 }) {
                usleep(UInt32(clamping: step))
                let reading = pulse.reading
                let now = LibeventLoop.monotonic()
                if reading != last || reading.greenlet == nil {
                    (last, since, isReported) = (reading, now, false)
                } else if !isReported, now - since >= limit.clampedNanoseconds, let number = reading.greenlet {
                    isReported = true
                    report(HeldHub(greenlet: number, name: nil, duration: .nanoseconds(Int64(now - since)), isOver: false))
                    let begin = since
                    mailbox.post {
                        let duration = Duration.nanoseconds(Int64(LibeventLoop.monotonic() - begin))
                        let name = Hub.current.greenlets.first { $0.number == number }?.name
                        report(HeldHub(greenlet: number, name: name, duration: duration, isOver: true))
                    }
                }
            }
        }
    }

    deinit {
        stop()
    }

    /// Watches no more.
    public func stop() {
        isStopped.withLock { $0 = true }
    }
}
