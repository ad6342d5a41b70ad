internal import ArgumentParser
internal import Daemon

/// `vireo check FILE`: judges a configuration file without using it.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Check a configuration file and say what is wrong with it.")

    /// The file.
    @Argument(help: "The YAML file.")
    var file: String

    /// Prints one line, after one for each setting that does nothing, and fails when the file would not do.
    func run() throws {
        try Failure.reported {
            let settings = try ConfigurationLoader(file: file).loadWritten()
            for warning in settings.warnings { try Output.write("\(file): warning: \(warning)\n") }
            try Output.write("\(file): good\n")
        }
    }
}
