internal import Green
internal import Logging
internal import Observation
internal import Resolver
internal import Synchronization

/// Writes the query log from a thread of its own: workers put what they answer into queues, without waiting, and what the thread
/// does not come to in time is dropped and counted.
final class QueryLogWriter: @unchecked Sendable {
    // SAFETY: `watcher`, `text` and `output` are handed to the thread when it starts, and touched by it alone.
    private let watcher: QueryTap.Watcher
    private var text: QueryLogText
    private let output: QueryLogOutput
    private let logger: Logger
    private let totals: QueryLogTotals
    private let isStopping = Atomic(false)
    private let wake = Semaphore()
    private let ended = Semaphore()

    /// From one look to the next.
    private static let interval = Duration.milliseconds(10)
    /// So many queries wait to be written.
    private static let mostEntries = 65_536
    /// So many bytes are written at once.
    private static let chunk = 128 << 10

    /// A writer to an output that is open; nil where too many watch already.
    init?(
        _ tap: QueryTap, _ settings: QueryLogSettings, _ output: sending QueryLogOutput, key: CookieKey, _ totals: QueryLogTotals,
        _ logger: Logger
    ) {
        guard let watcher = tap.watch(oneIn: settings.interval, most: Self.mostEntries) else { return nil }
        self.watcher = watcher
        text = QueryLogText(settings, key: key)
        self.output = output
        (self.totals, self.logger) = (totals, logger)
        Thread.start { self.run() }
    }

    /// Writes what has come so far, and ends; waits for that, but not long.
    func stop(within limit: Duration) {
        isStopping.store(true, ordering: .releasing)
        wake.raise()
        _ = ended.wait(atMost: limit)
    }

    private func run() {
        var trouble = Trouble()
        while !isStopping.load(ordering: .acquiring) {
            _ = wake.wait(atMost: Self.interval)
            writeAll(&trouble)
        }
        writeAll(&trouble)
        ended.raise()
    }

    /// What an operator was told of.
    private struct Trouble {
        var failure: String?
        var dropped = RepeatedTrouble()
    }

    private func writeAll(_ trouble: inout Trouble) {
        let (entries, missed) = watcher.take()
        var lines: [UInt8] = []
        var (lost, count) = (missed, UInt64(0))
        func flush() {
            defer { (lines, count) = ([], 0) }
            guard !lines.isEmpty else { return }
            do throws(QueryLogOutput.Failure) {
                try output.write(lines)
                totals.written.add(count)
                if trouble.failure != nil { logger.notice("the query log is written again") }
                trouble.failure = nil
            } catch {
                lost &+= count
                if trouble.failure == nil { logger.warning("the query log cannot be written: \(error)") }
                trouble.failure = "\(error)"
            }
        }
        if missed > 0 { text.appendDropped(missed, to: &lines) }
        for entry in entries {
            text.append(entry, to: &lines, isTimed: !output.isByLine)
            count += 1
            if lines.count >= Self.chunk { flush() }
        }
        flush()
        totals.dropped.add(lost)
        let passed = (ContinuousClock.now - Self.begin).components
        let now = Instant(
            nanoseconds: UInt64(clamping: passed.seconds) &* 1_000_000_000 &+ UInt64(clamping: passed.attoseconds / 1_000_000_000)
        )
        switch trouble.dropped.observe(totals.dropped.value, at: now) {
        case .begun: logger.warning("queries come faster than the query log is written: some are missing in it")
        case .over(let count): logger.notice("no more queries are missing in the query log", metadata: ["count": "\(count)"])
        case nil: break
        }
    }

    private static let begin = ContinuousClock.now
}

/// How much was written to the query log, and how much was not.
final class QueryLogTotals: Sendable {
    /// Queries that were written.
    let written = Counter()
    /// Queries that were not, because they came too fast, or it could not be written.
    let dropped = Counter()
}
