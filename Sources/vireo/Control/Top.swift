internal import ArgumentParser
internal import Glibc

/// `vireo top`: what comes most often.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Show each second which names and clients come most often, rcodes and upstreams, until it is stopped.",
        discussion: """
            Names and clients are counted over the last half to whole minute, in a table of a fixed size, and only while somebody \
            looks; where queries come very fast, one in so many is counted for all of them.
            """)

    /// Where and how.
    @OptionGroup var options: ControlOptions

    /// Prints.
    func run() throws {
        let clears = !options.json && isatty(STDOUT_FILENO) == 1
        try options.follow(ControlTarget("/v1/top", ["clear": clears ? "1" : nil]))
    }
}
