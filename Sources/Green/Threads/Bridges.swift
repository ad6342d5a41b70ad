internal import CGreen

/// A hub has ended, and takes no more work.
public struct HubEnded: Error, Hashable, CustomStringConvertible {
    /// One line for a log.
    public var description: String { "the hub has ended" }

    /// The error.
    public init() {}
}

extension HubMailbox {
    /// Runs `body` in a greenlet of the hub and hands back what comes of it: the way from async code into a hub. A task
    /// that is cancelled kills the greenlet.
    ///
    /// The greenlet begins with the task-local values of the task.
    ///
    /// Throws the body's error, or `HubEnded`. Not from the hub's own thread inside a greenlet: there it would wait for
    /// itself.
    public func call<Success: Sendable>(
        name: String? = nil, _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        let killer = Killer()
        let locals = CapturedLocals()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = Answer(continuation)
                self.post {
                    let greenlet = Hub.current.spawn(name: name) {
                        locals.bind()
                        return try body()
                    }
                    // Without a stack it has failed already, and no link is called.
                    guard !greenlet.isDone else { return answer.give(greenlet.takeResult()) }
                    killer.begin(greenlet)
                    greenlet.link { [unowned greenlet] in answer.give(greenlet.takeResult()) }
                }
            }
        } onCancel: {
            self.post { killer.kill() }
        }
    }
}

/// What a task waits for. Where the work was refused, or dropped without having run, that is `HubEnded`.
private final class Answer<Success: Sendable>: @unchecked Sendable {
    // SAFETY: touched by the work on the hub's own thread, or by who drops the last reference.
    private var continuation: CheckedContinuation<Success, any Error>?

    init(_ continuation: CheckedContinuation<Success, any Error>) {
        self.continuation = continuation
    }

    deinit {
        continuation?.resume(throwing: HubEnded())
    }

    /// Lets the task go on.
    func give(_ result: Result<Success, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }
}

/// What was bound where a task calls a hub.
@safe private final class CapturedLocals: @unchecked Sendable {
    // SAFETY: written before the work is posted, and taken by the greenlet that does it.
    private let locals = unsafe green_capture_task_locals()

    deinit {
        unsafe green_drop_captured(locals)
    }

    /// Binds it in the running greenlet, once.
    func bind() {
        if green_separates_task_locals() { unsafe green_bind_captured(locals) }
    }
}

/// The greenlet that works for a task.
private final class Killer: @unchecked Sendable {
    // SAFETY: touched by posted work only, on the hub's own thread.
    private var greenlet: AnyGreenlet?
    private var isCancelled = false

    /// The work begins; it may have been cancelled before.
    func begin(_ greenlet: AnyGreenlet) {
        self.greenlet = greenlet
        if isCancelled { greenlet.kill() }
    }

    /// The task was cancelled.
    func kill() {
        isCancelled = true
        greenlet?.kill()
    }
}

/// Runs `body` as a Swift task and waits for its result while the hub runs others: the way from a greenlet to async
/// code. The task is cancelled when the wait is interrupted; the interruption is thrown at once.
///
/// Costs what a task costs, and a post back to the hub. Not in a simulated world, which has no other threads.
@available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
public func awaiting<Success: Sendable>(_ body: @escaping @Sendable () async throws -> Success) throws -> Success {
    let done = CrossWaiter(hub: .current)
    let box = Locked<Result<Success, any Error>?>(nil)
    let task = Task {
        let result: Result<Success, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        box.withLock { $0 = result }
        done.wake()
    }
    do {
        _ = try done.wait(for: "a Swift task", until: .never)
    } catch {
        task.cancel()
        throw error
    }
    return try box.withLock { $0 }!.get()
}
