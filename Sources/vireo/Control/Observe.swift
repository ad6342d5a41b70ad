internal import ArgumentParser

/// `vireo metrics`: what `/metrics` serves.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Print the metrics of a running daemon, as Prometheus reads them.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws { try options.run("GET", ControlTarget("/metrics")) }
}

/// `vireo upstreams`: how each upstream is.
struct UpstreamsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upstreams",
        abstract: "Show how each upstream is: state, round trips, share of the questions, failures, last error.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws { try options.run("GET", ControlTarget("/v1/upstreams")) }
}

/// `vireo stats`: figures of what was answered.
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show how many queries were answered, and from where.")

    /// A line each second.
    @Flag(help: "Print a line each second of what came in it, until it is stopped.")
    var watch = false

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws { try options.run("GET", ControlTarget("/v1/stats", ["watch": watch ? "1" : nil])) }
}

/// `vireo ps`: questions in flight.
struct QuestionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the questions that are being asked: name, age, how many clients wait, and for whom.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws { try options.run("GET", ControlTarget("/v1/questions")) }
}

/// `vireo slow`: the slowest questions.
struct SlowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slow", abstract: "List the questions that took longest in the last hour.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws { try options.run("GET", ControlTarget("/v1/slow")) }
}

/// `vireo log-level`: logs from another level on.
struct LogLevelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Have a running daemon log from this level on, until it reads its settings again.")

    /// The level.
    @Argument(help: "trace, debug, info, notice, warning, error or critical.")
    var level: String

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Sets it.
    func run() throws { try options.run("PUT", ControlTarget("/v1/log-level", ["level": level])) }
}
