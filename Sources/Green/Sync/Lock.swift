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
    @inlinable
    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        acquire()
        defer { release() }
        return try body()
    }

    /// Waits for the lock; until `release` nothing may switch.
    @usableFromInline func acquire() {
        unsafe pthread_mutex_lock(mutex)
        SwitchBan.begin()
    }

    /// Opens the lock.
    @usableFromInline func release() {
        SwitchBan.end()
        unsafe pthread_mutex_unlock(mutex)
    }
}

/// A value that threads share, reached only inside its lock.
public final class Locked<Value: Sendable>: @unchecked Sendable {
    // SAFETY: `value` is touched only inside `lock`, which is also why nothing else needs to check that one access at a time
    // goes on.
    @exclusivity(unchecked) @usableFromInline var value: Value
    @usableFromInline let lock = Lock()

    /// Shares `value`.
    @inlinable public init(_ value: Value) {
        unsafe self.value = value
    }

    /// Runs `body` with the value to itself; it must not wait for greenlets. Throws what `body` throws.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.acquire()
        defer { lock.release() }
        return try unsafe body(&value)
    }
}

/// Runs `body` and traps when anything inside would let another greenlet run. Throws what `body` throws.
@inlinable
public func withoutSwitching<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    SwitchBan.begin()
    defer { SwitchBan.end() }
    return try body()
}

/// The count of sections on this thread in which a wait is a programming error.
@usableFromInline enum SwitchBan {
    /// Enters a section.
    @usableFromInline static func begin() {
        unsafe green_current_hub()?.assumingMemoryBound(to: HubCore.self).pointee.noSwitching += 1
    }

    /// Leaves a section.
    @usableFromInline static func end() {
        unsafe green_current_hub()?.assumingMemoryBound(to: HubCore.self).pointee.noSwitching -= 1
    }
}
