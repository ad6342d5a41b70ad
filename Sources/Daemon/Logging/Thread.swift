internal import Glibc

/// A thread of the system.
enum Thread {
    /// What a new thread is handed.
    private final class Start: Sendable {
        /// What it does.
        let body: @Sendable () -> Void

        /// Keeps it until the thread has it.
        init(body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` on a new thread, with all signals blocked: they are for the threads that ask for them.
    static func start(_ body: @escaping @Sendable () -> Void) {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // SAFETY: the new thread takes over the reference that is retained here.
        let start = unsafe Unmanaged.passRetained(Start(body: body)).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                let start = unsafe Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
                start.body()
                return nil
            }, start)
        precondition(code == 0, "a thread cannot be made")
        pthread_detach(thread)
    }
}
