/// Signals of the process, delivered to a greenlet, one after the other:
///
/// ```swift
/// for signal in try Signals([SIGHUP, SIGTERM]) {
///     if signal == SIGTERM { break }
///     reload()
/// }
/// ```
///
/// The signals are blocked for this thread and all that it starts later, so make it before other threads. One at a time
/// in a process.
public final class Signals: Sequence {
    private let queue: Queue<Int32>

    /// Has these signals delivered here from now on. Throws where the system gives no descriptor for them.
    public init(_ signals: [Int32], hub: Hub = .current) throws(SocketError) {
        let queue = Queue<Int32>(limit: 64, hub: hub)
        self.queue = queue
        // A flood beyond what the queue holds says nothing new.
        try hub.loop.onSignals(signals) { queue.tryPut($0) }
    }

    /// The next signal; nil where none came by `deadline`. Throws the interruption of the wait.
    public func next(until deadline: Instant = .never) throws(Interruption) -> Int32? {
        try queue.get(until: deadline)
    }

    /// Goes through the signals as they come, until the greenlet is interrupted.
    public func makeIterator() -> AnyIterator<Int32> { queue.makeIterator() }
}
