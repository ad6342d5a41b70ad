// The log: swift-log on top, one bounded queue, one thread that writes to standard error.
//
//     let log = Log(level: .info)
//     log.bootstrap()                                          // all loggers of the process write here
//     Logger(label: "vireo").info("listening", metadata: ["address": "127.0.0.1:53"])
//     log.level = .debug                                       // while running; or any logger's logLevel
//     log.flush(within: .seconds(1))                           // before the process ends
//
//     2026-01-31T12:00:00.123Z info listening address=127.0.0.1:53
//
// Under systemd (JOURNAL_STREAM is set) a line starts with its priority as `<6>` instead of time and level, for the
// journal keeps both. A record is always one line: control characters of names and addresses, which come from
// strangers, are escaped. Nobody who logs waits for the reader of standard error.

internal import Glibc
package import Logging
internal import Resolver
internal import Synchronization

/// The log of a process.
package final class Log: Sendable {
    /// A line longer than this is cut.
    private static let maximumLine = 4_096

    /// Who writes.
    private let writer: LogWriter
    /// Whether the journal reads, and wants priorities.
    private let isJournal: Bool
    /// The level, as its place among all.
    private let rank: Atomic<Int>

    /// A log to `descriptor`.
    package init(level: Logger.Level, descriptor: Int32 = STDERR_FILENO, isJournal: Bool = Log.isUnderJournal) {
        self.isJournal = isJournal
        self.rank = Atomic(Logger.Level.allCases.firstIndex(of: level) ?? 0)
        self.writer = LogWriter(descriptor: descriptor) { count in
            Log.line(.warning, "log records were dropped", ["count": "\(count)"], isJournal: isJournal)
        }
    }

    /// Makes all loggers of the process write here. Once in a process.
    package func bootstrap() {
        LoggingSystem.bootstrap { _ in LineLogHandler(log: self) }
    }

    /// Whether standard error leads to the journal.
    package static var isUnderJournal: Bool { unsafe getenv("JOURNAL_STREAM") != nil }

    /// Records below this level are left out. May be set while the daemon runs.
    package var level: Logger.Level {
        get { Logger.Level.allCases[rank.load(ordering: .relaxed)] }
        set { rank.store(Logger.Level.allCases.firstIndex(of: newValue) ?? 0, ordering: .relaxed) }
    }

    /// Queues a record, whatever its level.
    package func write(level: Logger.Level, message: String, metadata: Logger.Metadata) {
        writer.write(Self.line(level, message, metadata, isJournal: isJournal))
    }

    /// Waits until all records are written, or until `limit` has passed; says which.
    @discardableResult package func flush(within limit: Duration) -> Bool {
        writer.flush(within: limit)
    }

    /// The line for a record.
    private static func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, isJournal: Bool
    ) -> [UInt8] {
        var text = isJournal ? "<\(priority(level))>" : "\(timestamp()) \(level.rawValue) "
        text += LogText.plain(message)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            text += " \(LogText.plain(key))=" + LogText.value("\(value)")
        }
        var line = Array(text.utf8.prefix(maximumLine))
        // A cut may have split a character; its remains go as well.
        if text.utf8.count > maximumLine {
            while let last = line.last, last & 0xC0 == 0x80 { line.removeLast() }
            if let last = line.last, last >= 0xC0 { line.removeLast() }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// The priority that syslog(3) gives a level.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// The time of day in UTC, to the millisecond (RFC 3339).
    private static func timestamp() -> String {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return WallTime.text(nanoseconds: Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec))
    }
}
