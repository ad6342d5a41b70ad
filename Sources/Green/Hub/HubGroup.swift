internal import Glibc

/// Hubs that run beside each other: on threads of their own, one each, or in a simulated world.
public final class HubGroup: Sendable {
    private let mailboxes = Locked<[HubMailbox]>([])
    private let running = Locked(0)
    private let starter: any HubStarter

    /// An empty group, whose hubs `starter` runs.
    public init(starter: any HubStarter = ThreadStarter()) {
        self.starter = starter
    }

    /// Starts a hub of its own that runs `body` as its root greenlet, on the loop that `loop` makes (the starter's
    /// usual one without). `ended` is called on the hub's thread when it is done, with the error that ended it. Costs a
    /// thread, with the usual starter; does not wait.
    public func start(
        name: String, options: HubOptions = HubOptions(), loop: (@Sendable () -> any Loop)? = nil,
        body: @escaping @Sendable () throws -> Void, ended: @escaping @Sendable ((any Error)?) -> Void = { _ in }
    ) {
        running.withLock { $0 += 1 }
        starter.start(name: name) { [self] in
            let hub = Hub(loop: loop?() ?? starter.makeLoop(), options: options)
            mailboxes.withLock { $0.append(hub.mailbox) }
            return hub
        } body: {
            try body()
        } ended: { failure in
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
