/// The level of the log.
final class LogPart: Part {
    let name = "log"
    private let log: Log

    /// A part for a log that has its level.
    init(_ log: Log) {
        self.log = log
    }

    func adopt(_ settings: Settings) throws { log.level = settings.log.level }
}
