internal import ArgumentParser
internal import Daemon
internal import Glibc

/// `vireo rules`: what the rules in force do, and rules for the running daemon.
struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask a running daemon, or a configuration file, what the rules do, and give a daemon some.",
        subcommands: [RulesTest.self, RulesAdd.self, RulesRemove.self, RulesList.self])
}

/// `vireo rules test`: what comes of a name.
struct RulesTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Say what the rules do with a name, and which list, line and group say so.",
        discussion: """
            A running daemon is asked, unless --config names a file: then that file and its lists are read as a daemon would that \
            starts now, with the copies that it kept of downloads and the rules that it was given. No network is asked; lists that \
            cannot be read are named on standard error.
            """)

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// Who asks.
    @Option(help: ArgumentHelp("As a client at this address, or with this name, would be answered.", valueName: "client"))
    var client: String?

    /// When.
    @Option(help: ArgumentHelp("As it will be at this time, such as '2026-11-27 18:00'.", valueName: "time"))
    var at: String?

    /// Which type.
    @Option(help: ArgumentHelp("Asked for this record type; without it, A.", valueName: "type"))
    var type: String?

    /// Of what.
    @Option(
        help: ArgumentHelp("Judge by this YAML file and its lists, without a daemon; - for standard input.", valueName: "file"))
    var config: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        guard let config else {
            return try options.run(
                "GET", ControlTarget("/v1/rules/test", ["name": name, "type": type, "client": client, "at": at]))
        }
        try Failure.reported {
            let settings = try ConfigurationLoader(file: config).check().settings
            let parameters = ["name": name, "type": type, "client": client, "at": at].compactMapValues(\.self)
            do {
                let (answer, problems) = try settings.ruleTest(parameters, json: options.json)
                for problem in problems {
                    try Output.write(Array("vireo: \(config): \(problem)\n".utf8)[...], to: STDERR_FILENO)
                }
                try Output.write(answer[...])
            } catch let fault as RuleQuestionFault {
                throw ControlClientError.refused(fault.description)
            }
        }
    }
}

/// `vireo rules add`: a rule for a while, or for good.
struct RulesAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Deny a name and all below it, or let them pass, whatever lists say.")

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// Whether it passes.
    @Flag(help: "Let it pass, rather than deny it.")
    var allow = false

    /// For how long.
    @Option(name: .customLong("for"), help: ArgumentHelp("For so long, such as 1h; without it, for good.", valueName: "duration"))
    var duration: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run(
            "POST", ControlTarget("/v1/rules", ["name": name, "action": allow ? "allow" : "deny", "for": duration]))
    }
}

/// `vireo rules remove`: takes one back.
struct RulesRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take a rule back that was added.")

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("DELETE", ControlTarget("/v1/rules", ["name": name]))
    }
}

/// `vireo rules list`: those that were added.
struct RulesList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the rules that were added, and how long they last.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/rules"))
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
