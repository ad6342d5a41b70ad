/// Hubs that run beside each other: on threads of their own, one each, or in a simulated world.
public final class HubGroup: Sendable {
    private struct State {
        var mailboxes: [Int: HubMailbox] = [:]
        var lastNumber = 0
        var running = 0
        var joining: [ObjectIdentifier: CrossWaiter] = [:]
    }

    private let state = Locked(State())
    private let starter: any HubStarter

    /// An empty group, whose hubs `starter` runs.
    public init(starter: any HubStarter = ThreadStarter()) {
        self.starter = starter
    }

    /// Starts a hub of its own that runs `body` as its root greenlet, on the loop that `loop` makes (the starter's
    /// usual one without). `ended` is called on the hub's thread when it is done, with the error that ended it, or at once
    /// where the system starts no thread for it; without `ended` such an error goes to `options.report`. Costs a thread,
    /// with the usual starter; does not wait.
    public func start(
        name: String, options: HubOptions = HubOptions(), loop: (@Sendable () throws -> any Loop)? = nil,
        body: @escaping @Sendable () throws -> Void, ended: (@Sendable ((any Error)?) -> Void)? = nil
    ) {
        let number = state.withLock { state in
            state.running += 1
            state.lastNumber += 1
            return state.lastNumber
        }
        starter.start(name: name) { [self] in
            let hub = Hub(loop: try loop?() ?? starter.makeLoop(), options: options)
            state.withLock { $0.mailboxes[number] = hub.mailbox }
            return hub
        } body: {
            try body()
        } ended: { failure in
            self.state.withLock { $0.mailboxes[number] = nil }
            if let ended {
                ended(failure)
            } else if let failure, !(failure is Interruption) {
                options.report(name, failure)
            }
            let joining = self.state.withLock { state in
                state.running -= 1
                return state.running == 0 ? Array(state.joining.values) : []
            }
            for waiter in joining { waiter.wake() }
        }
    }

    /// How many hubs run, or do what they were to do at their end.
    public var count: Int { state.withLock { $0.running } }

    /// Waits until no hub of the group runs and what each was to call at its end has returned (true), or `deadline` passes
    /// (false). Only on a hub outside of the group. Throws the interruption of that wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join(until deadline: Instant) throws(Interruption) -> Bool {
        let hub = Hub.current
        let waiter = CrossWaiter(hub: hub)
        let isOver = state.withLock { state in
            require(!state.mailboxes.values.contains { $0 === hub.ownMailbox }, "a hub that waits for its own group")
            if state.running > 0 { state.joining[ObjectIdentifier(waiter)] = waiter }
            return state.running == 0
        }
        if isOver { return true }
        defer { _ = state.withLock { $0.joining.removeValue(forKey: ObjectIdentifier(waiter)) } }
        return try waiter.wait(for: "the hubs of a group to end", until: deadline)
    }

    /// Waits until no hub of the group runs; the same otherwise.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func join() throws(Interruption) {
        _ = try join(until: .never)
    }

    /// Hands `job` to every hub of the group, in the order they were started.
    public func postToAll(_ job: @escaping @Sendable () -> Void) {
        let mailboxes = state.withLock { state in state.mailboxes.sorted { $0.key < $1.key }.map(\.value) }
        for mailbox in mailboxes { mailbox.post(job) }
    }
}
