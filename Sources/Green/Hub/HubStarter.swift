/// Who runs the hubs of a `HubGroup`: threads, or a simulated world, which gives them their turns on one thread.
public protocol HubStarter: Sendable {
    /// Runs the hub that `hub` makes, with `body` as its root greenlet, and calls `ended` when it is done, with the error
    /// that ended it or kept it from starting. Does not wait for that. All three are called on the thread that runs the hub,
    /// but `ended` on the caller's where that could not be had.
    func start(
        name: String, hub: @escaping @Sendable () throws -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    )
    /// The loop of hubs that ask for no other; throws where the system has none to give.
    func makeLoop() throws -> any Loop
}

/// Runs each hub on a thread of its own, on libevent.
public struct ThreadStarter: HubStarter {
    /// The usual starter.
    public init() {}

    /// As ``HubStarter`` says.
    public func start(
        name: String, hub: @escaping @Sendable () throws -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    ) {
        do {
            try startThread(name: name) { _ in
                var failure: (any Error)?
                do {
                    try hub().run(body)
                } catch {
                    failure = error
                }
                ended(failure)
            }
        } catch {
            ended(error)
        }
    }

    /// As ``HubStarter`` says.
    public func makeLoop() throws -> any Loop { try LibeventLoop.open() }
}
