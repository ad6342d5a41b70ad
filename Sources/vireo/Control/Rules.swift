internal import ArgumentParser

/// `vireo rules`: what the rules in force do.
struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running daemon about its rules.", subcommands: [RulesTest.self])
}

/// `vireo rules test`: what comes of a name.
struct RulesTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Say what the rules do with a name, and which list, line and group say so.")

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// Who asks.
    @Option(help: ArgumentHelp("As a client at this address would be answered.", valueName: "address"))
    var client: String?

    /// When.
    @Option(help: ArgumentHelp("As it will be at this time, such as '2026-11-27 18:00'.", valueName: "time"))
    var at: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/rules/test", ["name": name, "client": client, "at": at]))
    }
}

/// `vireo lists`: the lists of names.
struct Lists: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the lists of a running daemon: rules, lines that were skipped and why, age, hits.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/lists"))
    }
}
