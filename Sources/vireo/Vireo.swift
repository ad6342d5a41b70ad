// The command line: options in, plain settings out, and one line on standard error when something is wrong.
//
//     vireo serve --config /etc/vireo/vireo.yaml      what the service runs
//     vireo check /etc/vireo/vireo.yaml               what an operator runs before a reload
//
// Exit codes: 0 for a clean stop, 1 for what goes wrong while running (a port in use, say), 2 for a bad
// configuration, 64 (EX_USAGE) for options that do not exist.

internal import ArgumentParser
internal import Daemon

/// The program.
@main
struct Vireo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vireo",
        abstract: "A caching DNS server.",
        version: Version.text,
        subcommands: [Serve.self, Check.self],
        defaultSubcommand: Serve.self)
}
