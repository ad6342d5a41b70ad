/// A number of permits. Who finds none waits; a permit that is given back goes to who came first. Allocates nothing for
/// that, and makes no system call.
public class Semaphore {
    private let place: WaitPlace
    // SAFETY: of the unchecked properties: each access is over before anything else can run.
    @exclusivity(unchecked) private var links = LinkList()
    /// Permits that nobody has.
    public var available: Int { unsafe free }
    @exclusivity(unchecked) private var free: Int

    /// A semaphore with that many permits.
    public init(_ permits: Int, hub: Hub = .current) {
        require(permits >= 0, "a semaphore of \(permits) permits")
        unsafe free = permits
        place = WaitPlace(hub: hub, of: "a semaphore")
    }

    /// Takes a permit, as soon as there is one. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    @discardableResult
    public func acquire() throws(Interruption) -> Bool {
        try acquire(until: .never)
    }

    /// Takes a permit: false where none was to be had by `deadline`. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func acquire(until deadline: Instant) throws(Interruption) -> Bool {
        if tryAcquire() { return true }
        // Who is woken has been handed the permit.
        return try place.wait(for: "a permit", until: deadline)
    }

    /// Takes a permit if there is one now. Never waits.
    public func tryAcquire() -> Bool {
        place.check()
        guard available > 0 else { return false }
        unsafe free -= 1
        return true
    }

    /// Gives a permit back, or adds one. Does not wait.
    public func release() {
        if place.wakeFirst() { return }
        unsafe free += 1
        unsafe links.fire()
    }

    /// Runs `body` with a permit. Throws what `body` throws, or the interruption of the wait for the permit.
    public func withPermit<Success>(_ body: () throws -> Success) throws -> Success {
        try acquire()
        defer { release() }
        return try body()
    }
}

extension Semaphore: Waitable {
    /// Whether a permit is to be had.
    public var isReady: Bool { available > 0 }

    /// As ``Waitable`` says.
    @discardableResult
    public func link(_ call: @escaping () -> Void) -> Link { unsafe links.add(call) }
}

/// A semaphore that knows how many permits it was made with: one `release` too many is reported as the programming
/// error it is.
public final class BoundedSemaphore: Semaphore {
    private let bound: Int

    /// A semaphore with that many permits, never more.
    public override init(_ permits: Int, hub: Hub = .current) {
        bound = permits
        super.init(permits, hub: hub)
    }

    /// Gives a permit back. Does not wait.
    public override func release() {
        require(available < bound, "a bounded semaphore was released more often than it was acquired")
        super.release()
    }
}
