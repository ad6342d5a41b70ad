/// Signals of the process, delivered to a greenlet, one after the other:
///
/// ```swift
/// for signal in try Signals([SIGHUP, SIGTERM]) {
///     if signal == SIGTERM { break }
///     reload()
/// }
/// ```
///
/// They come beside whatever else in the process wants the same ones, each to everybody. No thread blocks them, so that
/// the processes it starts do not either. When nobody wants a signal any more, it does again what it did before.
public final class Signals: Sequence {
    private let queue: Queue<Int32>
    private let hub: Hub
    private let watch: SignalWatch

    /// Has these signals delivered here from now on. Throws where the system gives no descriptor for them.
    public init(_ signals: [Int32], hub: Hub = .current) throws(SocketError) {
        let queue = Queue<Int32>(limit: 64, hub: hub)
        self.queue = queue
        self.hub = hub
        // A flood beyond what the queue holds says nothing new.
        watch = try hub.loop.onSignals(signals) { queue.tryPut($0) }
    }

    deinit {
        hub.loop.end(watch)
    }

    /// Wants them no more: who waits for one ends.
    public func close() {
        hub.loop.end(watch)
        queue.close()
    }

    /// The next signal; nil where none came by `deadline`. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func next(until deadline: Instant = .never) throws(Interruption) -> Int32? {
        try queue.get(until: deadline)
    }

    /// Calls `body` with each signal as it comes, until `close`. Unlike a loop over the signals it throws the interruption
    /// that ends it; and what `body` throws.
    public func forEach(_ body: (Int32) throws -> Void) throws {
        while let signal = try next() { try body(signal) }
    }

    /// Goes through the signals as they come, until the greenlet is interrupted.
    public func makeIterator() -> AnyIterator<Int32> {
        let signals = queue.makeIterator()
        // Keeps the watch for as long as somebody goes through them.
        return AnyIterator { [self] in withExtendedLifetime(self) { signals.next() } }
    }
}
