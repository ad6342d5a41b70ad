/// A result that one greenlet waits for and another gives, once: a value or an error. Costs what an ``Event`` does.
public final class AsyncResult<Success> {
    private let place: WaitPlace
    private var links = LinkList()
    /// What was given.
    public private(set) var result: Result<Success, any Error>?

    /// A result that has not come.
    public init(hub: Hub = .current) {
        place = WaitPlace(hub: hub, of: "a result")
    }

    /// Gives the value and wakes all who wait. The first call counts; later ones do nothing.
    public func set(_ value: Success) {
        resolve(.success(value))
    }

    /// Gives an error, which all who wait will throw. The first call counts; later ones do nothing.
    public func fail(_ error: any Error) {
        resolve(.failure(error))
    }

    /// Gives up on it: all who wait, and later ones, throw `Cancelled`. Whether that was in time: false where it had come.
    @discardableResult
    public func cancel() -> Bool {
        let isInTime = result == nil
        resolve(.failure(Cancelled()))
        return isInTime
    }

    /// Waits for the value: nil where it has not come by `deadline`. Throws the error that was given instead, or the
    /// interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get(until deadline: Instant) throws -> Success? {
        if result == nil {
            guard try place.wait(for: "a result", until: deadline) else { return nil }
        }
        return try result?.get()
    }

    /// Waits for the value as long as it takes. Throws the error that was given instead, or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func get() throws -> Success {
        while result == nil { _ = try place.wait(for: "a result", until: .never) }
        return try result!.get()
    }

    private func resolve(_ result: Result<Success, any Error>) {
        place.check()
        guard self.result == nil else { return }
        self.result = result
        place.wakeAll()
        links.fire()
    }
}

/// What is thrown for a result that nobody is to give any more.
public struct Cancelled: Error, Hashable, CustomStringConvertible {
    /// One line for a log.
    public var description: String { "cancelled" }

    /// The error.
    public init() {}
}

extension AsyncResult: Waitable {
    /// Whether it has come.
    public var isReady: Bool { result != nil }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { links.add(call) }
}
