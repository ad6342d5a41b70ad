/// Runs `job`, which may block, on a thread of the loop's pool, and waits for its result without holding up the hub.
///
/// The job goes on even where the wait is interrupted; its result is then dropped.
public func blocking<Success: Sendable>(_ job: @escaping @Sendable () throws -> Success) throws -> Success {
    let hub = Hub.current
    let mailbox = hub.mailbox
    let box = Locked<Result<Success, any Error>?>(nil)
    let done = CrossThreadSignal()
    hub.loop.submit {
        let result = Result { try job() }
        box.withLock { $0 = result }
        mailbox.post { done.wake() }
    }
    _ = try Waiter.wait(for: "a blocking call", until: .never) { waiter in done.set(waiter) }
    return try box.withLock { $0 }!.get()
}

/// Carries a waiter through a closure that another thread posts back to the waiter's own hub.
private final class CrossThreadSignal: @unchecked Sendable {
    // SAFETY: both methods are called on the hub's own thread only.
    private var waiter: Waiter?
    private var isDone = false

    func set(_ waiter: Waiter) {
        self.waiter = waiter
        if isDone { waiter.wake() }
    }

    func wake() {
        isDone = true
        waiter?.wake()
    }
}
