/// Who runs the hubs of a `HubGroup`: threads, or a simulated world, which gives them their turns on one thread.
public protocol HubStarter: Sendable {
    /// Runs the hub that `hub` makes, with `body` as its root greenlet, and calls `ended` when it is done. Does not
    /// wait for that. All three are called on the thread that runs the hub.
    func start(
        name: String, hub: @escaping @Sendable () -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    )
    /// The loop of hubs that ask for no other.
    func makeLoop() -> any Loop
}

/// Runs each hub on a thread of its own, on libevent.
public struct ThreadStarter: HubStarter {
    /// The usual starter.
    public init() {}

    /// As ``HubStarter`` says.
    public func start(
        name: String, hub: @escaping @Sendable () -> Hub, body: @escaping @Sendable () throws -> Void,
        ended: @escaping @Sendable ((any Error)?) -> Void
    ) {
        startThread(name: name) {
            var failure: (any Error)?
            do {
                try hub().run(body)
            } catch {
                failure = error
            }
            ended(failure)
        }
    }

    /// As ``HubStarter`` says.
    public func makeLoop() -> any Loop { LibeventLoop() }
}
