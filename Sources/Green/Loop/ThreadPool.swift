internal import CGreen
internal import Glibc

/// A few threads for calls that block: name look-ups, files. Started as they are needed; jobs beyond their number
/// queue up.
@safe public final class ThreadPool: @unchecked Sendable {
    // SAFETY: all state is touched only while `mutex` is held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [@Sendable () -> Void] = []
    private var threads = 0
    private var idle = 0
    private let limit: Int

    /// The pool of those who need no own.
    public static let shared = ThreadPool(limit: 4)

    /// A pool of at most `limit` threads.
    public init(limit: Int) {
        self.limit = limit
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `job` on one of the threads. May be called from any thread; does not wait.
    public func submit(_ job: @escaping @Sendable () -> Void) {
        unsafe pthread_mutex_lock(mutex)
        jobs.append(job)
        let start = idle < jobs.count && threads < limit
        if start { threads += 1 }
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
        if start { startThread(name: "green-pool") { self.work() } }
    }

    private func work() -> Never {
        while true {
            unsafe pthread_mutex_lock(mutex)
            idle += 1
            while jobs.isEmpty { unsafe pthread_cond_wait(condition, mutex) }
            idle -= 1
            let job = jobs.removeFirst()
            unsafe pthread_mutex_unlock(mutex)
            job()
        }
    }
}

/// Starts a detached thread that runs `body`. Signals that the calling thread has blocked stay blocked there.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
    let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, body))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let failure = unsafe pthread_create(
        &thread, &attributes,
        { context in
            let start = unsafe Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue()
            unsafe green_name_thread(start.name)
            start.body()
            return nil
        },
        box.toOpaque()
    )
    require(failure == 0, "the system starts no thread (error \(failure))")
}

/// What a new thread is handed.
private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, _ body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
