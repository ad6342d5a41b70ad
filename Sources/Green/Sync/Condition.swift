/// Greenlets that hold a lock wait here for something to become true, without the lock meanwhile. Allocates nothing for it.
///
/// ```swift
/// try condition.lock.withLock {
///     while !isThere { try condition.wait() }
/// }
/// ```
public final class Condition {
    /// The lock that is held around `wait`.
    public let lock: ReentrantLock
    private let place: WaitPlace

    /// A condition with `lock`, or one of its own.
    public init(lock: ReentrantLock? = nil, hub: Hub = .current) {
        self.lock = lock ?? ReentrantLock(hub: hub)
        place = WaitPlace(hub: hub, of: "a condition")
    }

    /// Gives the lock back, waits to be notified, and takes the lock again. Throws as `wait(until:)` does.
    @discardableResult
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait() throws(Interruption) -> Bool {
        try wait(until: .never)
    }

    /// Gives the lock back, waits to be notified (true) or until `deadline` (false), and takes the lock again: also when
    /// the wait is interrupted. Throws that interruption.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant) throws(Interruption) -> Bool {
        let taken = lock.unlockFully()
        defer { lock.relock(taken) }
        return try place.wait(for: "a condition", until: deadline)
    }

    /// Wakes as many who wait as `count` says, those first who came first. The lock should be held.
    public func notify(_ count: Int = 1) {
        for _ in 0..<count where !place.wakeFirst() { return }
    }

    /// Wakes all who wait.
    public func notifyAll() {
        place.wakeAll()
    }
}
