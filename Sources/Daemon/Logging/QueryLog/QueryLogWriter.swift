internal import Green
internal import Logging
internal import Observation
internal import Resolver
internal import Synchronization

/// Writes the query log from a thread of its own: workers put what they answer into queues, without waiting, and what the thread
/// does not come to in time is dropped and counted.
final class QueryLogWriter: @unchecked Sendable {
    // SAFETY: all but `work` is constant or behind a lock; `work` is touched by the thread alone once that runs.
    /// What is written, how, and where to.
    private struct Work: Sendable {
        let watcher: QueryTap.Watcher
        var text: QueryLogText
        let output: QueryLogOutput
    }

    private var work: Work
    /// What takes its place.
    private let next = Locked<Work?>(nil)
    private let tap: QueryTap
    private let key: CookieKey
    private let logger: Logger
    private let totals: QueryLogTotals
    private let isStopping = Atomic(false)
    private let hasEnded = Atomic(false)
    private let wake = Semaphore()
    private let ended = Semaphore()

    /// From one look to the next.
    private static let interval = Duration.milliseconds(10)
    /// So many queries wait to be written.
    private static let mostEntries = 65_536
    /// So many bytes are written at once.
    private static let chunk = 128 << 10

    /// A writer to an output that is open.
    init(
        _ tap: QueryTap, _ settings: QueryLogSettings, _ output: QueryLogOutput, key: CookieKey, _ totals: QueryLogTotals,
        _ logger: Logger
    ) {
        (self.tap, self.key, self.totals, self.logger) = (tap, key, totals, logger)
        work = Self.work(tap, settings, output, key)
        Thread.start { self.run() }
    }

    private static func work(
        _ tap: QueryTap, _ settings: QueryLogSettings, _ output: QueryLogOutput, _ key: CookieKey
    ) -> Work {
        Work(
            watcher: tap.watch(share: settings.sample, most: mostEntries), text: QueryLogText(settings, key: key), output: output)
    }

    /// Goes on with another output, once all that has come so far is written to the one before: two never write at once.
    func replace(with output: QueryLogOutput, _ settings: QueryLogSettings) {
        let work = Self.work(tap, settings, output, key)
        next.withLock { $0 = work }
        wake.raise()
    }

    /// Writes what has come so far, and ends; waits for that, but not long. Says whether it has ended.
    @discardableResult
    func stop(within limit: Duration) -> Bool {
        isStopping.store(true, ordering: .releasing)
        wake.raise()
        if !hasEnded.load(ordering: .acquiring) { _ = ended.wait(atMost: limit) }
        return hasEnded.load(ordering: .acquiring)
    }

    private func run() {
        var trouble = Trouble()
        while !isStopping.load(ordering: .acquiring) {
            _ = wake.wait(atMost: Self.interval)
            writeAll(&trouble)
            takeNext()
        }
        takeNext()
        writeAll(&trouble)
        hasEnded.store(true, ordering: .releasing)
        ended.raise()
    }

    private func takeNext() {
        let new = next.withLock { next in
            defer { next = nil }
            return next
        }
        guard let new else { return }
        work = new
        // What was written until now may have put the file aside since this one was opened.
        work.output.reopen()
    }

    /// What an operator was told of.
    private struct Trouble {
        var failure: String?
        var rotation: String?
        var dropped = RepeatedTrouble()
        /// Queries that are missing, which the log does not say yet.
        var unsaid: UInt64 = 0
    }

    private func writeAll(_ trouble: inout Trouble) {
        let (entries, missed) = work.watcher.take()
        var lines: [UInt8] = []
        // How many lines of these say that queries are missing, and how many are queries.
        var (notes, count) = (0, 0)
        var lost = missed
        trouble.unsaid &+= missed
        func flush() {
            defer { (lines, notes, count) = ([], 0, 0) }
            guard !lines.isEmpty else { return }
            let (written, failure) = work.output.write(lines)
            let queries = max(0, written - notes)
            totals.written.add(UInt64(queries))
            if notes > 0, written > 0 { trouble.unsaid = 0 }
            lost &+= UInt64(count - queries)
            trouble.unsaid &+= UInt64(count - queries)
            tell(failure, &trouble)
        }
        if trouble.unsaid > 0 {
            work.text.appendDropped(trouble.unsaid, to: &lines)
            notes = 1
        }
        // Without anything else to write it can wait until there is.
        if entries.isEmpty, missed == 0 { (lines, notes) = ([], 0) }
        for (number, entry) in entries.enumerated() {
            giveWay(before: number, every: 64)
            work.text.append(entry, to: &lines, isTimed: !work.output.isByLine)
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

    /// Says what is new of failures, once each.
    private func tell(_ failure: QueryLogOutput.Failure?, _ trouble: inout Trouble) {
        if let failure, trouble.failure == nil { logger.warning("the query log cannot be written: \(failure)") }
        if failure == nil, trouble.failure != nil { logger.notice("the query log is written again") }
        trouble.failure = failure.map { "\($0)" }
        let rotation = work.output.rotationFailure
        if let rotation, trouble.rotation == nil { logger.warning("the query log cannot be put aside: \(rotation)") }
        if rotation == nil, trouble.rotation != nil { logger.notice("the query log is put aside again") }
        trouble.rotation = rotation.map { "\($0)" }
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
