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
    /// The pool for looking up names, which nobody's slow files keep waiting.
    static let names = ThreadPool(limit: 4)

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

    /// Runs `job` on one of the threads. May be called from any thread; does not wait. Throws where the pool has no thread
    /// and the system starts none; where it has some, they do it later.
    public func submit(_ job: @escaping @Sendable () -> Void) throws(SocketError) {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        if idle <= jobs.count, threads < limit {
            do throws(SocketError) {
                try startThread(name: "green-pool") { self.work($0) }
                threads += 1
            } catch {
                if threads == 0 { throw error }
            }
        }
        jobs.append(job)
        unsafe pthread_cond_signal(condition)
    }

    private func work(_ start: ThreadStart) -> Never {
        while true {
            unsafe pthread_mutex_lock(mutex)
            idle += 1
            while jobs.isEmpty { unsafe pthread_cond_wait(condition, mutex) }
            idle -= 1
            let job = jobs.removeFirst()
            unsafe pthread_mutex_unlock(mutex)
            // A job may start a process, which inherits what its thread blocks.
            start.withCallersSignals(job)
        }
    }
}

/// Starts a detached thread that runs `body`. It blocks all signals but those of its own faults. Throws where the system
/// starts none.
func startThread(name: String, _ body: @escaping @Sendable (ThreadStart) -> Void) throws(SocketError) {
    var mask = sigset_t()
    unsafe green_signals_block(&mask)
    defer { unsafe green_signals_restore(&mask) }
    let box = unsafe Unmanaged.passRetained(ThreadStart(name: name, mask: mask, body))
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { unsafe pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let failure = unsafe pthread_create(
        &thread, &attributes,
        { context in
            let start = unsafe Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
            unsafe green_name_thread(start.name)
            start.body(start)
            return nil
        },
        box.toOpaque()
    )
    guard failure != 0 else { return }
    unsafe box.release()
    throw SocketError(errno: failure, call: "pthread_create")
}

/// What a new thread is handed.
final class ThreadStart: Sendable {
    fileprivate let name: String
    fileprivate let body: @Sendable (ThreadStart) -> Void
    /// What the thread blocked that started it.
    private let mask: sigset_t

    fileprivate init(name: String, mask: sigset_t, _ body: @escaping @Sendable (ThreadStart) -> Void) {
        self.name = name
        self.mask = mask
        self.body = body
    }

    /// Runs `body` with those signals blocked that the thread blocked which started this one.
    func withCallersSignals(_ body: () -> Void) {
        var own = sigset_t()
        var callers = mask
        unsafe pthread_sigmask(SIG_SETMASK, &callers, &own)
        body()
        unsafe pthread_sigmask(SIG_SETMASK, &own, nil)
    }
}
