import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// vireo(8) and vireo-cache(1), which are written from what the program says of its commands.
    @Suite struct CommandManualTests {
        /// A command, as the program describes it (`--experimental-dump-help`).
        private struct Command: Decodable {
            let commandName: String
            let abstract: String?
            let discussion: String?
            let arguments: [Argument]?
            let subcommands: [Command]?
            let shouldDisplay: Bool
        }

        /// An option, a flag or an argument.
        private struct Argument: Decodable {
            /// A form of an option.
            struct Name: Decodable {
                let kind: String
                let name: String
            }

            let kind: String
            let names: [Name]?
            let valueName: String?
            let abstract: String?
            let shouldDisplay: Bool

            /// As it is typed.
            var term: String {
                let value = kind == "flag" ? "" : "<\(valueName ?? "value")>"
                guard kind != "positional" else { return value }
                let names = (names ?? []).map { ($0.kind == "long" ? "--" : "-") + $0.name }
                return names.joined(separator: ", ") + (value.isEmpty ? "" : " \(value)")
            }
        }

        /// What all commands have.
        private static let common = ["--version", "-h, --help", "--control <path>", "--json"]

        /// The program's commands, but for its help.
        private func commands() throws -> [Command] {
            struct Dump: Decodable { let command: Command }
            let tool = try Tool([VireoServer.binary, "--experimental-dump-help"])
            let root = try JSONDecoder().decode(Dump.self, from: Data(tool.output.utf8)).command
            return (root.subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
        }

        /// How a command is used, in its own words.
        private func usage(_ words: [String]) throws -> String {
            let help = try Tool([VireoServer.binary, "help"] + words).output
            let usage = help.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.hasPrefix("USAGE:") }
                .prefix { !$0.isEmpty }
            return usage.joined(separator: " ").dropFirst("USAGE: ".count).split(separator: " ").joined(separator: " ")
        }

        /// Calls `body` for each command that does something, with its words.
        private func walk(
            _ commands: [Command], _ words: [String] = [], _ body: ([String], Command) throws -> Void
        ) rethrows {
            for command in commands where command.shouldDisplay {
                let words = words + [command.commandName]
                if let below = command.subcommands, !below.isEmpty {
                    try walk(below, words, body)
                } else {
                    try body(words, command)
                }
            }
        }

        /// Describes commands and their options.
        private func describe(_ commands: [Command], below: [String] = [], in page: inout ManualPage) {
            walk(commands, below) { words, command in
                page.subheading("vireo " + words.joined(separator: " "))
                page.paragraph([command.abstract, command.discussion].compactMap(\.self).joined(separator: " "))
                for argument in command.arguments ?? [] where argument.shouldDisplay {
                    guard words == ["serve"] || !Self.common.contains(argument.term) else { continue }
                    guard argument.term != "--version", argument.term != "-h, --help" else { continue }
                    page.item(argument.term, [argument.abstract ?? ""])
                }
            }
        }

        /// The options of commands that talk to a daemon.
        private func describeCommon(_ commands: [Command], in page: inout ManualPage) {
            page.heading("Common options")
            let control = commands.first { $0.commandName == "config" }
            for argument in control?.arguments ?? [] where Self.common.contains(argument.term) {
                page.item(argument.term, [argument.abstract ?? ""])
            }
        }

        /// vireo(8).
        private func daemonPage() throws -> String {
            let commands = try commands()
            let own = commands.filter { $0.commandName != "cache" }
            var page = ManualPage("vireo", section: 8, "caching DNS server")
            page.heading("Synopsis")
            try walk(own) { words, _ in page.usage(try usage(words)) }
            page.usage("vireo cache <command>")
            page.heading("Description")
            page.paragraph(
                """
                `vireo` answers DNS queries from a cache in memory, which machines may share through Redis, and asks upstream \
                resolvers for the rest. Without a command it serves. Its settings stand in `vireo.yaml`(5); `vireo cache` is \
                described in `vireo-cache`(1).
                """)
            page.heading("Commands")
            describe(own, in: &page)
            describeCommon(commands, in: &page)
            page.heading("Signals")
            page.item("SIGHUP", ["The settings are read again, as by `vireo reload`; the log says what came of it."])
            page.item("SIGTERM, SIGINT", ["Queries in flight are answered, the snapshot is written, and the daemon ends."])
            page.item("SIGUSR1", ["Figures of each part are written to the log."])
            exitStatus(&page)
            files(&page)
            page.heading("Examples")
            page.paragraph("A server on a port of its own, which asks one resolver:")
            page.example(["vireo serve --listen 127.0.0.1:5300 --upstream 192.0.2.1"])
            page.paragraph("A change of the settings:")
            page.example(["vireo check /etc/vireo/vireo.yaml && vireo reload"])
            page.heading("See also")
            page.paragraph("`vireo.yaml`(5), `vireo-cache`(1), `resolv.conf`(5)")
            return page.text
        }

        /// vireo-cache(1).
        private func cachePage() throws -> String {
            let commands = try commands()
            let cache = commands.filter { $0.commandName == "cache" }
            var page = ManualPage("vireo-cache", section: 1, "look into the cache of a running vireo, or remove from it")
            page.heading("Synopsis")
            try walk(cache) { words, _ in page.usage(try usage(words)) }
            page.heading("Description")
            page.paragraph(
                """
                Talks to a running `vireo`(8) over its control socket, which its own user and root may use, and its group where \
                `control-mode` of `vireo.yaml`(5) says so. `vireo --inspect-cache [NAME]` is short for `vireo cache list [NAME]`.
                """)
            page.heading("Commands")
            describe(cache, in: &page)
            describeCommon(commands, in: &page)
            exitStatus(&page)
            page.heading("Examples")
            page.example([
                "vireo cache list '*.example.com' --type AAAA", "vireo cache get www.example.com",
                "vireo cache flush --subtree example.com",
            ])
            page.heading("See also")
            page.paragraph("`vireo`(8), `vireo.yaml`(5)")
            return page.text
        }

        private func exitStatus(_ page: inout ManualPage) {
            page.heading("Exit status")
            page.item("0", ["All was done."])
            page.item("1", ["It was not, as one line on standard error says: a port is in use, say, or no daemon is running."])
            page.item("2", ["The configuration has a mistake, which is named with file, line and key."])
            page.item("64", ["There is no such command or option."])
        }

        private func files(_ page: inout ManualPage) {
            page.heading("Files")
            page.item("/etc/vireo/vireo.yaml", ["The settings, where no other file is named."])
            page.item(
                "/run/vireo/control.sock", ["The control socket; a user's own daemon has `$XDG_RUNTIME_DIR/vireo/control.sock`."])
            page.item(
                "/var/cache/vireo", ["Snapshots of the cache, where `cache.snapshot` says so, and lists that were downloaded."])
        }

        @Test func `the pages are what the program says of its commands`() throws {
            let directory = SourceTree.file("packaging/man")
            for (name, text) in [("vireo.8", try daemonPage()), ("vireo-cache.1", try cachePage())] {
                let path = directory.appendingPathComponent(name)
                if ProcessInfo.processInfo.environment["VIREO_WRITE_EXAMPLE"] != nil {
                    try text.write(to: path, atomically: true, encoding: .utf8)
                }
                #expect(try String(contentsOf: path, encoding: .utf8) == text, "run make man")
            }
        }

        @Test(.enabled(if: Tool.exists("groff"), "needs groff"), arguments: ["vireo.8", "vireo.yaml.5", "vireo-cache.1"])
        func `groff finds nothing to say of a page`(name: String) throws {
            let path = SourceTree.file("packaging/man/\(name)").path
            let tool = try Tool(["sh", "-c", "exec groff -man -Tutf8 -ww -z \"$1\"", "sh", path])
            #expect(tool.exit == .code(0) && tool.errors == "", "\(tool.errors)")
        }

        @Test(arguments: ["bash", "zsh", "fish"])
        func `there are completions for a shell`(shell: String) throws {
            let tool = try Tool([VireoServer.binary, "--generate-completion-script", shell])
            #expect(tool.exit == .code(0) && tool.output.contains("reload") && tool.output.contains("inspect-cache") == false)
        }
    }
}
