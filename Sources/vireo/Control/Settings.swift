internal import ArgumentParser

/// `vireo reload`: has a running daemon read its settings again.
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have a running daemon read its settings again, and say what changed and what needs a restart.",
        discussion: "A file with a mistake in it changes nothing: what is wrong is said, and the exit code is 2.")

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("POST", ControlTarget("/v1/reload"))
    }
}

/// `vireo config`: the settings in force.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the settings that a running daemon goes by, and where each comes from.",
        discussion: """
            What is printed is a configuration file; behind each value stands the file and line, or the option, that it comes \
            from. Passwords are left out.
            """)

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Asks.
    func run() throws {
        try options.run("GET", ControlTarget("/v1/config"))
    }
}
