internal import ArgumentParser
internal import Daemon

/// `vireo serve`: answers queries until it is told to stop.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answer queries until a signal ends it (the default).",
        discussion: "Options replace what the file says. SIGHUP reads the file again, SIGTERM and SIGINT end it.")

    /// The YAML file.
    @Option(
        help: ArgumentHelp(
            "Read settings from this YAML file, or - for standard input (default: \(ConfigurationLoader.systemPath), if there).",
            valueName: "file"))
    var config: String?

    /// Where to listen.
    @Option(help: ArgumentHelp("Listen here, as 127.0.0.1:53 or [::1]:53; may be repeated.", valueName: "address"))
    var listen: [String] = []

    /// Whom to ask.
    @Option(help: ArgumentHelp("Ask this resolver, as 192.0.2.1 or tcp://192.0.2.1:53; may be repeated.", valueName: "address"))
    var upstream: [String] = []

    /// How many threads.
    @Option(help: ArgumentHelp("Serve with this many threads.", valueName: "number"))
    var workers: String?

    /// Where the control socket is.
    @Option(help: ArgumentHelp("Make the control socket here, or off.", valueName: "path"))
    var control: String?

    /// What to log.
    @Option(help: ArgumentHelp("Log from this level on: trace, debug, info, notice, warning, error, critical."))
    var logLevel: String?

    /// The options as they stand for keys of the file.
    private var overrides: [ConfigurationLoader.Override] {
        var overrides: [ConfigurationLoader.Override] = []
        if !listen.isEmpty { overrides.append(.list("--listen", "listen", listen)) }
        if !upstream.isEmpty { overrides.append(.list("--upstream", "upstreams", upstream)) }
        if let workers { overrides.append(.value("--workers", "workers", workers)) }
        if let control { overrides.append(.value("--control", "control", control)) }
        if let logLevel { overrides.append(.value("--log-level", "log.level", logLevel)) }
        return overrides
    }

    /// Serves; returns when a signal has ended it.
    func run() throws {
        StandardDescriptors.open()
        let loader = ConfigurationLoader(file: config, overrides: overrides)
        try Failure.reported {
            let settings = try loader.load()
            let holders = PortHolders(of: settings)
            // The log has a thread of its own.
            let sandbox = Sandbox.enter(for: settings)
            let log = Log(level: settings.log.level)
            log.bootstrap()
            defer { log.flush(within: .seconds(1)) }
            do {
                try Daemon.run(settings: settings, log: log, sandbox: sandbox) { () throws(ConfigurationError) in
                    try loader.load()
                }
            } catch let error as DaemonError {
                throw holders.named(error)
            }
        }
    }
}
