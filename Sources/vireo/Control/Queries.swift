internal import ArgumentParser

/// `vireo queries`: queries from now on.
struct QueriesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queries",
        abstract: "Print queries as they are answered: time, client, name, type, rcode, where the answer came from.",
        discussion: """
            What comes faster than it can be printed is left out, and counted: the daemon does not wait. It costs nothing while \
            nobody watches.
            """)

    /// From now on.
    @Flag(help: "Go on until it is stopped. There is no other way: what was before is not kept.")
    var follow = false

    /// Whose.
    @Option(help: ArgumentHelp("Only those of the client at this address, or with this name.", valueName: "client"))
    var client: String?

    /// About what.
    @Option(help: ArgumentHelp("Only those for this domain and what is below it.", valueName: "domain"))
    var name: String?

    /// With which end.
    @Option(help: ArgumentHelp("Only those with this rcode, such as NXDOMAIN.", valueName: "rcode"))
    var rcode: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Only from now on.
    func validate() throws {
        guard follow else { throw ValidationError("Give --follow: only queries from now on can be shown.") }
    }

    /// Prints.
    func run() throws {
        try options.follow(ControlTarget("/v1/queries", ["client": client, "name": name, "rcode": rcode]))
    }
}
