internal import CGreen
internal import Glibc

/// A mutual exclusion between threads, for sections of a few dozen instructions. Waiting for I/O or for another
/// greenlet inside is a programming error and traps. A pthread mutex: ThreadSanitizer follows those by itself.
@safe public struct Lock: ~Copyable, @unchecked Sendable {
    // SAFETY: the mutex lives in raw memory of its own until deinit and is made to be shared.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// An open lock.
    public init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` while no other thread is in a section of this lock.
    @inline(__always)
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let core = unsafe green_current_hub()?.assumingMemoryBound(to: HubCore.self)
        unsafe pthread_mutex_lock(mutex)
        unsafe core?.pointee.noSwitching += 1
        defer {
            unsafe core?.pointee.noSwitching -= 1
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}

/// A value that threads share, reached only inside its lock.
public final class Locked<Value: Sendable>: @unchecked Sendable {
    // SAFETY: `value` is touched only inside `lock`.
    private var value: Value
    private let lock = Lock()

    /// Shares `value`.
    public init(_ value: Value) {
        self.value = value
    }

    /// Runs `body` with the value to itself; it must not wait.
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try lock.withLock { () throws(Failure) -> Result in try body(&value) }
    }
}

/// Runs `body` and traps when anything inside would let another greenlet run.
public func withoutSwitching<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let core = unsafe green_current_hub()?.assumingMemoryBound(to: HubCore.self)
    unsafe core?.pointee.noSwitching += 1
    defer { unsafe core?.pointee.noSwitching -= 1 }
    return try body()
}
