internal import ArgumentParser

/// `vireo cache`: looks into a running daemon's cache, and removes from it.
struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look into the cache of a running daemon, or remove from it.",
        subcommands: [CacheList.self, CacheGet.self, CacheFlushCommand.self, CacheStatisticsCommand.self])
}

/// The options of all commands that talk to a daemon.
struct ControlOptions: ParsableArguments {
    /// The socket.
    @Option(
        help: ArgumentHelp(
            "The daemon's control socket; without it, /run/vireo/control.sock or $XDG_RUNTIME_DIR/vireo/control.sock.",
            valueName: "path"))
    var control: String?

    /// For programs.
    @Flag(help: "Print JSON.")
    var json = false

    /// Sends a request and prints the answer.
    func run(_ method: String = "GET", _ target: ControlTarget) throws {
        try Failure.reported { try ControlClient(path: control).run(method, target, json: json) }
    }

    /// Prints what an answer that has no end has to say, for as long as it goes on, however long it is silent.
    func follow(_ target: ControlTarget) throws {
        try Failure.reported { try ControlClient(path: control, isPatient: true).run("GET", target, json: json) }
    }
}

/// `vireo cache list`: a line for each entry.
struct CacheList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what is in the cache, a line for each entry.",
        discussion: """
            In a pattern, * stands for any letters and ? for one. With --json, each line is an object. What is in memory comes \
            first, then what is in Redis, where there is one; what is in both is listed twice.
            """)

    /// Which names.
    @Argument(help: "A name, or a pattern such as '*.example.com'.")
    var pattern: String?

    /// Which type.
    @Option(help: "Only this record type.")
    var type: String?

    /// How many.
    @Option(help: ArgumentHelp("At most so many entries.", valueName: "number"))
    var limit: String?

    /// Which tier.
    @Option(help: ArgumentHelp("Only this tier: memory or redis.", valueName: "tier"))
    var tier: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Lists.
    func run() throws {
        try options.run(
            "GET", ControlTarget("/v1/cache", ["pattern": pattern, "type": type, "limit": limit, "tier": tier]))
    }
}

/// `vireo cache get`: what is kept for a name, as dig prints it.
struct CacheGet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print what is kept for a name, in memory and in Redis, as dig prints it.")

    /// The name.
    @Argument(help: "The name.")
    var name: String

    /// The type.
    @Argument(help: "The record type; without it, all that are kept.")
    var type: String?

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/cache/entry", ["name": name, "type": type]))
    }
}

/// `vireo cache flush`: removes entries and says how many.
struct CacheFlushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush", abstract: "Remove entries, and say what was removed where.",
        usage: "vireo cache flush (<name> [<type>] | --subtree <domain> | --upstream <address> | --answer-in <cidr> | --all)",
        discussion: "In a name, * stands for any letters and ? for one, as for list: '*.example.org' is all that lies below.")

    /// The name.
    @Argument(help: "Remove this name, or the names that fit a pattern such as '*.example.com'.")
    var name: String?

    /// The type.
    @Argument(help: "Only this record type of it.")
    var type: String?

    /// The domain.
    @Option(help: ArgumentHelp("Remove this domain and all names below it.", valueName: "domain"))
    var subtree: String?

    /// The upstream.
    @Option(help: ArgumentHelp("Remove what came from this upstream.", valueName: "address"))
    var upstream: String?

    /// The range of addresses.
    @Option(help: ArgumentHelp("Remove answers with an address in this range.", valueName: "cidr"))
    var answerIn: String?

    /// All.
    @Flag(help: "Remove everything.")
    var all = false

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Exactly one thing to remove.
    func validate() throws {
        let given = [name, subtree, upstream, answerIn].count { $0 != nil } + (all ? 1 : 0)
        guard given == 1 else {
            throw ValidationError("Give exactly one of: a name, --subtree, --upstream, --answer-in, --all.")
        }
    }

    /// Removes.
    func run() throws {
        try options.run(
            "DELETE",
            ControlTarget(
                "/v1/cache",
                [
                    "name": name, "type": type, "subtree": subtree, "upstream": upstream, "answer-in": answerIn,
                    "all": all ? "1" : nil,
                ]))
    }
}

/// `vireo cache stats`: the cache's figures.
struct CacheStatisticsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stats", abstract: "Print the cache's figures.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/cache/statistics"))
    }
}
