/// Runs `job`, which may block, on a thread of the loop's pool, and waits for its result without holding up the hub.
///
/// Throws the job's error, that of a system that starts no thread for it, or the interruption of the wait: the job then goes
/// on, and its result is dropped. Costs some
/// ten microseconds: a lock, two wake-ups of threads. See `BlockingPool` for a limit.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func blocking<Success: Sendable>(_ job: @escaping @Sendable () throws -> Success) throws -> Success {
    try blocking(as: .any, job)
}

/// Runs `job` on a thread for that kind of job, as the other `blocking` does.
package func blocking<Success: Sendable>(
    as kind: BlockingKind, _ job: @escaping @Sendable () throws -> Success
) throws -> Success {
    let hub = Hub.current
    let box = Locked<Result<Success, any Error>?>(nil)
    let done = CrossWaiter(hub: hub)
    let run: @Sendable () -> Void = {
        let result = Result { try job() }
        box.withLock { $0 = result }
        done.wake()
    }
    try hub.loop.submit(run, as: kind)
    _ = try done.wait(for: "a blocking call", until: .never)
    return try box.withLock { $0 }!.get()
}

/// Blocking calls with a limit of its own: so many of a hub's at once, the others wait their turn. So a slow disk cannot
/// take all threads from the name look-ups.
public final class BlockingPool {
    private let places: Semaphore

    /// A pool that lets `limit` calls run at once, on the threads of the hub's loop.
    public init(limit: Int, hub: Hub = .current) {
        places = Semaphore(limit, hub: hub)
    }

    /// Runs `job` when its turn comes and waits for its result, as `blocking` does. Where the wait is interrupted the
    /// place stays taken until the job has ended.
    public func run<Success: Sendable>(_ job: @escaping @Sendable () throws -> Success) throws -> Success {
        try places.acquire()
        // A greenlet of its own keeps the place for as long as the job runs, whoever gives up.
        let call = Hub.current.spawn(name: "blocking call") {
            defer { self.places.release() }
            return try shield { try blocking(job) }
        }
        // Without a stack it has failed already, and its body never runs.
        if call.isDone { places.release() }
        return try call.get()
    }
}
