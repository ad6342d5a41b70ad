internal import ArgumentParser

/// `vireo explain`: how a query is answered, step by step.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Ask a running daemon for a name, and show how it came to its answer.",
        discussion: """
            What is printed is the walk that any client's query takes: the client's group, rules, local data, the cache, Redis, \
            which upstream was asked and why, what was believed of its reply, and what is kept. The question is really asked; \
            what comes of it is kept as for any client.
            """)

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// The type.
    @Argument(help: "The record type; without it, A.")
    var type: String?

    /// Who asks.
    @Option(
        help: ArgumentHelp(
            "Answer as for the client at this address, or with this name; without it, 127.0.0.1.", valueName: "client"))
    var client: String?

    /// Past the cache.
    @Flag(help: "Do not look into the cache in memory: ask anew.")
    var noCache = false

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws {
        try options.run(
            "GET",
            ControlTarget(
                "/v1/explain", ["name": name, "type": type, "client": client, "no-cache": noCache ? "1" : nil]))
    }
}
