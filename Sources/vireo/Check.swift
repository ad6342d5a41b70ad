internal import ArgumentParser
internal import Daemon

/// Tests of a configuration that fail.
struct CheckFailure: Error, CustomStringConvertible {
    /// A line for each.
    let lines: [String]
    /// All of them.
    var description: String { lines.joined(separator: "\n") }
}

/// `vireo check FILE`: judges a configuration file without using it.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Check a configuration file and say what is wrong with it.")

    /// The file.
    @Argument(help: "The YAML file, or - for standard input (default: \(ConfigurationLoader.systemPath)).")
    var file: String = ConfigurationLoader.systemPath

    /// Prints one line, after one for each setting that does nothing, and fails when the file would not do: then with a line
    /// for each mistake.
    func run() throws {
        try Failure.reported {
            let checked = try ConfigurationLoader(file: file).check()
            let settings = checked.settings
            let name = file == "-" ? "standard input" : file
            // Rules are tried where all that they stand on can be read.
            let failed = try settings.failedRuleTests().map { "\(name): \($0)" }
            guard failed.isEmpty else { throw CheckFailure(lines: failed) }
            for warning in checked.warnings { try Output.write("\(warning)\n") }
            for warning in settings.warnings + settings.certificateWarnings() {
                try Output.write("\(name): warning: \(warning)\n")
            }
            try Output.write("\(name): good\n")
        }
    }
}
