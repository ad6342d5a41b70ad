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
    /// A writer that was stopped and has not ended yet.
    private var ending: QueryLogWriter?
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

    /// Opens what settings say, and then goes on there; a place that cannot be opened changes nothing.
    private func open(_ new: QueryLogSettings) throws(DaemonError) {
        guard new.place != nil else {
            if writer?.stop(within: Self.farewell) == false { ending = writer }
            (writer, settings) = (nil, new)
            return
        }
        let output: QueryLogOutput
        do throws(QueryLogOutput.Failure) { output = try QueryLogOutput(new) } catch { throw .queryLog("\(error)") }
        if let ending, !ending.stop(within: Self.farewell) { throw .queryLog("what came before is still being written") }
        (ending, settings) = (nil, new)
        if let writer { return writer.replace(with: output, new) }
        writer = QueryLogWriter(tap, new, output, key: key, totals, logger)
    }
}
