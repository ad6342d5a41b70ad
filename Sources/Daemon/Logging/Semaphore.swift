internal import Glibc

/// A counting semaphore between threads.
@safe final class Semaphore: @unchecked Sendable {
    // SAFETY: the semaphore lives in raw memory of its own until deinit and is made to be shared.
    private let semaphore: UnsafeMutablePointer<sem_t>

    /// A semaphore at zero.
    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    /// Lets one waiter go on, now or later.
    func raise() {
        unsafe sem_post(semaphore)
    }

    /// Blocks the thread until it is raised.
    func wait() {
        while unsafe sem_wait(semaphore) != 0 {}
    }

    /// Blocks the thread until it is raised or the time has passed, by the wall clock; says which.
    func wait(atMost limit: Duration) -> Bool {
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &deadline)
        let parts = limit.components
        deadline.tv_sec += Int(parts.seconds)
        deadline.tv_nsec += Int(parts.attoseconds / 1_000_000_000)
        if deadline.tv_nsec >= 1_000_000_000 {
            deadline.tv_nsec -= 1_000_000_000
            deadline.tv_sec += 1
        }
        while unsafe sem_timedwait(semaphore, &deadline) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
