internal import Glibc

/// Hubs on threads of their own, one each.
public final class HubGroup: Sendable {
    private let mailboxes = Locked<[HubMailbox]>([])
    private let running = Locked(0)

    /// An empty group.
    public init() {}

    /// Starts a thread with a hub of its own that runs `body` as its root greenlet. `ended` is called on that thread
    /// when the hub is done, with the error that ended it, if any.
    public func start(
        name: String, options: HubOptions = HubOptions(), loop: @escaping @Sendable () -> any Loop = { LibeventLoop() },
        body: @escaping @Sendable () throws -> Void, ended: @escaping @Sendable ((any Error)?) -> Void = { _ in }
    ) {
        running.withLock { $0 += 1 }
        startThread(name: name) {
            var failure: (any Error)?
            do {
                let hub = Hub(loop: loop(), options: options)
                self.mailboxes.withLock { $0.append(hub.mailbox) }
                try hub.run(body)
            } catch {
                failure = error
            }
            self.running.withLock { $0 -= 1 }
            ended(failure)
        }
    }

    /// How many hubs run.
    public var count: Int { running.withLock { $0 } }

    /// Hands `job` to every hub of the group.
    public func postToAll(_ job: @escaping @Sendable () -> Void) {
        for mailbox in mailboxes.withLock({ $0 }) { mailbox.post(job) }
    }
}
