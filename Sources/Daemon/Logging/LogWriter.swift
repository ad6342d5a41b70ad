internal import Green

/// Writes finished log lines from a thread of its own, for standard error can block: whoever logs only puts a line
/// into a bounded queue. A line that finds the queue full is dropped and counted; the count is logged when there is
/// room again.
package final class LogWriter: Sendable {
    /// What the threads share.
    private struct State: Sendable {
        /// Lines that wait, oldest first.
        var lines: [[UInt8]] = []
        /// Their bytes in all.
        var bytes = 0
        /// Lines that found no room since the last report.
        var dropped = 0
        /// Whether the thread is at work on what it took.
        var isWriting = false
    }

    /// Where lines go.
    private let descriptor: Int32
    /// More bytes than this do not wait.
    private let capacity: Int
    /// How a count of dropped lines is written.
    private let report: @Sendable (Int) -> [UInt8]
    /// The queue.
    private let state = Locked(State())
    /// Raised when there is something to do.
    private let work = Semaphore()
    /// Raised when all has been written, for `flush`.
    private let idle = Semaphore()

    /// A writer to `descriptor`, which is never closed. Its thread lasts as long as the process.
    package init(descriptor: Int32, capacity: Int = 1 << 20, report: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.report = report
        Thread.start { self.run() }
    }

    /// Queues one line, its line feed included. Never blocks; may be called from any thread.
    package func write(_ line: [UInt8]) {
        let mustWake = state.withLock { state in
            guard state.bytes + line.count <= capacity else {
                state.dropped += 1
                return false
            }
            state.lines.append(line)
            state.bytes += line.count
            return state.lines.count == 1
        }
        if mustWake { work.raise() }
    }

    /// Waits until all that was queued is written, or until `limit` has passed; says which. Blocks: not for a hub's
    /// thread while it serves.
    @discardableResult package func flush(within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while !state.withLock({ $0.lines.isEmpty && !$0.isWriting }) {
            let left = deadline - .now
            guard left > .zero, idle.wait(atMost: left) else { return false }
        }
        return true
    }

    /// What the thread does.
    private func run() {
        while true {
            work.wait()
            while true {
                let (lines, dropped) = take()
                for line in lines { put(line) }
                if dropped > 0 { put(report(dropped)) }
                if lines.isEmpty, dropped == 0 { break }
            }
            idle.raise()
        }
    }

    /// Takes all that waits.
    private func take() -> (lines: [[UInt8]], dropped: Int) {
        state.withLock { state in
            let taken = (state.lines, state.dropped)
            state.lines = []
            state.bytes = 0
            state.dropped = 0
            state.isWriting = !taken.0.isEmpty || taken.1 > 0
            return taken
        }
    }

    /// Writes all of a line; gives it up when the other end is gone.
    private func put(_ line: [UInt8]) { _ = WholeWrite.write(line, to: descriptor) }
}
