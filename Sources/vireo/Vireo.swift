// The command line: options in, plain settings out, and one line on standard error when something is wrong.
//
//     vireo serve --config /etc/vireo/vireo.yaml      what the service runs
//     vireo check /etc/vireo/vireo.yaml               what an operator runs before a reload
//     vireo reload                                    reads the file again: what changed, what needs a restart
//     vireo config                                    the settings in force, and where each comes from
//     vireo cache list '*.example.com'                what a running daemon's cache holds
//     vireo rules test ads.example                    what its rules do with a name
//
// Exit codes: 0 for a clean stop, 1 for what goes wrong while running (a port in use, say), 2 for a bad
// configuration, 64 (EX_USAGE) for options that do not exist.

internal import ArgumentParser
internal import CDaemon
internal import Daemon
internal import Glibc

/// The program.
@main
struct Vireo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vireo",
        abstract: "A caching DNS server.",
        discussion: "`vireo --inspect-cache [NAME]` is short for `vireo cache list [NAME]`.",
        version: Version.text,
        subcommands: [
            Serve.self, Check.self, SetupCommand.self, Reload.self, Config.self, Cache.self, Rules.self, Lists.self,
            ExplainCommand.self,
            UpstreamsCommand.self, StatsCommand.self, QuestionsCommand.self, QueriesCommand.self, TopCommand.self,
            SlowCommand.self,
            MetricsCommand.self, LogLevelCommand.self,
        ],
        defaultSubcommand: Serve.self)

    /// What stands behind the program's name.
    private static var arguments: [String] {
        var arguments: [String] = []
        // SAFETY: each is a C string that lasts as long as the process.
        while let next = unsafe vireo_argument(Int32(arguments.count) + 1) { arguments.append(unsafe String(cString: next)) }
        return arguments
    }

    /// Runs what the arguments say. Texts of the parser are written here, so that no failure to write them is lost.
    static func main() {
        // A pipe that nobody reads any more is an error of the write.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot(InspectCache.rewritten(arguments))
            try command.run()
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            guard code.isSuccess, !text.isEmpty else { exit(withError: error) }
            do {
                try Failure.reported { try Output.write(text.hasSuffix("\n") ? text : text + "\n") }
            } catch {
                exit(withError: error)
            }
        }
    }
}
