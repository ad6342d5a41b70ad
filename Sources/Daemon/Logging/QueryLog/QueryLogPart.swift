internal import Green
internal import Logging
internal import Observation
internal import Resolver

/// The log of queries (`log.queries`).
final class QueryLogPart: Part {
    let name = "query-log"
    private let tap: QueryTap
    private let logger: Logger
    private var settings: QueryLogSettings
    private var writer: QueryLogWriter?
    private var hasStarted = false
    /// Makes numbers of clients; the same for as long as the process runs.
    private let key = CookieKey.random()
    /// What was written.
    let totals = QueryLogTotals()

    /// It ends within this time.
    private static let farewell = Duration.seconds(1)

    /// The part that logs what a tap tells as settings say.
    init(_ settings: Settings, _ tap: QueryTap, _ logger: Logger) {
        self.settings = settings.log.queries
        self.tap = tap
        self.logger = logger
    }

    func start() throws {
        hasStarted = true
        try open(settings)
    }

    /// Opens the file anew, whatever has changed: it may have been moved.
    func adopt(_ settings: Settings) throws {
        guard hasStarted else { return }
        try open(settings.log.queries)
    }

    func status() throws -> [StatusField] {
        guard writer != nil else { return [] }
        return [StatusField("written", totals.written.value), StatusField("dropped", totals.dropped.value)]
    }

    func stop() throws {
        writer?.stop(within: Self.farewell)
        writer = nil
    }

    private func open(_ new: QueryLogSettings) throws(DaemonError) {
        var output: QueryLogOutput?
        if new.place != nil {
            do throws(QueryLogOutput.Failure) { output = try QueryLogOutput(new) } catch { throw .queryLog("\(error)") }
        }
        writer?.stop(within: Self.farewell)
        writer = nil
        settings = new
        guard let output else { return }
        writer = QueryLogWriter(tap, new, output, key: key, totals, logger)
        if writer == nil { throw .queryLog("too many watch queries already") }
    }
}
