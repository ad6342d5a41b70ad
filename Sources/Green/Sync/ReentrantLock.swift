/// A lock between greenlets that its owner may take again; others wait until it was given back as often. Only needed
/// around sections that wait: between two waits a greenlet has the hub for itself. Costs what a ``Semaphore`` does.
@safe public final class ReentrantLock {
    private let hub: Hub
    private let permit: Semaphore
    private var owner: UInt64 = 0
    private var depth = 0

    /// An open lock.
    public init(hub: Hub = .current) {
        self.hub = hub
        permit = Semaphore(1, hub: hub)
    }

    /// Whether the running greenlet has it.
    public var isMine: Bool { depth > 0 && owner == hub.currentNumber }

    /// Takes it, as soon as it can be had. Throws the interruption of the wait.
    @discardableResult
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func lock() throws(Interruption) -> Bool {
        try lock(until: .never)
    }

    /// Takes it: false where another greenlet had it until `deadline`. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func lock(until deadline: Instant) throws(Interruption) -> Bool {
        if !isMine {
            guard try permit.acquire(until: deadline) else { return false }
            owner = hub.currentNumber
        }
        depth += 1
        return true
    }

    /// Gives it back, once.
    public func unlock() {
        require(isMine, "a lock is given back by a greenlet that does not have it")
        depth -= 1
        if depth == 0 { permit.release() }
    }

    /// Runs `body` with the lock; it may wait. Throws what `body` throws, or the interruption of the wait for the lock.
    public func withLock<Success>(_ body: () throws -> Success) throws -> Success {
        try lock()
        defer { unlock() }
        return try body()
    }

    /// Gives it back altogether: how often it had been taken.
    func unlockFully() -> Int {
        require(isMine, "a condition's wait without its lock")
        let taken = depth
        depth = 0
        permit.release()
        return taken
    }

    /// Takes it as often as it was before, whatever interrupts.
    func relock(_ taken: Int) {
        hub.withoutInterruptions { () throws(Interruption) in try permit.acquire(until: .never) }
        owner = hub.currentNumber
        depth = taken
    }
}

extension Hub {
    /// Runs `wait` again and again until it is not interrupted; what interrupts is kept for the next wait.
    func withoutInterruptions(_ wait: () throws(Interruption) -> Bool) {
        guard let record = unsafe core.pointee.current else { return }
        unsafe record.pointee.shields += 1
        var expired = unsafe record.pointee.expired
        while true {
            unsafe record.pointee.expired = 0
            let isDone = (try? wait()) ?? false
            unsafe expired += record.pointee.expired
            if isDone { break }
        }
        unsafe record.pointee.expired = expired
        unsafe record.pointee.shields -= 1
    }

    /// The number of the running greenlet; 0 outside of any.
    var currentNumber: UInt64 { unsafe core.pointee.current?.pointee.number ?? 0 }
}
