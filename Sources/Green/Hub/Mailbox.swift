/// How other threads reach a hub: they post work, which the hub runs on its own thread in the order it came.
public final class HubMailbox: Sendable {
    @safe private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isClosed = false
    }

    private let state = Locked(State())
    private let waker: any LoopWaker

    init(waker: any LoopWaker) {
        self.waker = waker
    }

    /// Hands `job` to the hub's thread. It runs outside of any greenlet: it must not wait, but may spawn or wake.
    /// False when the hub has ended. May be called from any thread; never waits. Costs a lock, what the closure captures, and
    /// a system call where no other post is waiting already.
    @discardableResult
    public func post(_ job: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, first) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.jobs.append(job)
            return (true, state.jobs.count == 1)
        }
        if first { waker.wake() }
        return accepted
    }

    /// All that was posted since the last call.
    func take() -> [@Sendable () -> Void] {
        state.withLock { state in
            let jobs = state.jobs
            state.jobs = []
            return jobs
        }
    }

    /// Refuses what comes from now on, unless something is left to be taken: whether it does. So nothing that was accepted
    /// is lost at the end.
    func closeIfEmpty() -> Bool {
        state.withLock { state in
            if state.jobs.isEmpty { state.isClosed = true }
            return state.isClosed
        }
    }

    /// Refuses what comes from now on, and drops what nobody will take.
    func close() {
        state.withLock { $0.isClosed = true }
        // Outside of the lock: what jobs captured may end now, and post.
        _ = take()
    }
}
