// What can be measured inside one process, and comes out the same on every machine.
//
//     Measure instructions hit 20000       the walk of a hit, 20,000 times; run it under valgrind's callgrind
//     Measure hit-ratio 1000000 <names     how often the cache has the answer, beside LRU with as many entries
//     Measure snapshot 1000000             writing and reading a snapshot of so many names, and what a worker notices
//     Measure upstream 20000               asking an upstream over UDP so many questions; run it under callgrind
//     Measure network loss 10000           upstreams on a simulated network: loss, outage, hedging, ports, blind, verify
//     Measure compared-rules 1000000       compiled lists beside sets of strings: so many random names, of which both say the same
//     Measure hostile repeated-labels 2    what a stranger's bytes make a stage do, once less; run it under callgrind
//
// `make bench-instructions` runs the first twice for each walk, with different counts: the difference is what the
// walks alone took, whatever the start of the process costs. `make bench-hit-ratio` runs the second.

internal import AnswerCache
internal import Glibc
internal import NaiveRules

/// The program.
@main
struct Measure {
    /// Reads the command line and measures.
    static func main() {
        let words = CommandLine.arguments.dropFirst()
        guard words.count >= 2, let count = Int(words.last!), count > 0 else { leave(usage) }
        do {
            switch words.first {
            case "instructions":
                guard words.count == 3, let walk = Walks.Name(rawValue: words[words.startIndex + 1]) else { leave(usage) }
                try Walks().run(walk, times: count)
            case "hit-ratio":
                try HitRatio(names: readNames(), requests: count).measure()
            case "snapshot":
                try SnapshotCost(names: count).measure()
            case "upstream":
                try UpstreamCost(questions: count).measure()
            case "compared-rules":
                try compareRules(names: count)
            case "network":
                guard words.count == 3, let name = NetworkFigures.Name(rawValue: words[words.startIndex + 1]) else {
                    leave(usage)
                }
                try NetworkFigures(questions: count).measure(name)
            case "hostile":
                guard words.count == 3, let name = HostileWalks.Name(rawValue: words[words.startIndex + 1]) else { leave(usage) }
                try HostileWalks.run(name, times: count - 1)
            default:
                leave(usage)
            }
        } catch {
            leave("Measure: \(error)")
        }
    }

    /// Says of how many random names compiled lists say what sets of strings do; leaves where there is one of which they do not.
    private static func compareRules(names: Int) throws {
        let round = min(names, 20_000)
        let outcome = try NaiveComparison.run(rounds: names / round, names: round, largest: round)
        print(
            "names", outcome.looked, "rules", outcome.rules, "names with a verdict", outcome.judged, "differences",
            outcome.differences.count + outcome.miscounted)
        guard outcome.differences.isEmpty, outcome.miscounted == 0 else { leave(outcome.differences.first ?? "miscounted rules") }
    }

    /// The names on standard input, one a line.
    private static func readNames() -> [String] {
        var names: [String] = []
        while let line = readLine() { names.append(line) }
        guard !names.isEmpty else { leave("Measure: no names on standard input") }
        return names
    }

    private static let usage = """
        usage: Measure instructions (\(Walks.Name.allCases.map(\.rawValue).joined(separator: "|"))) TIMES
               Measure hit-ratio REQUESTS <NAMES
               Measure snapshot NAMES
               Measure upstream QUESTIONS
               Measure compared-rules NAMES
               Measure network (\(NetworkFigures.Name.allCases.map(\.rawValue).joined(separator: "|"))) COUNT
               Measure hostile (\(HostileWalks.Name.allCases.map(\.rawValue).joined(separator: "|"))) TIMES
        """

    /// Ends the process with a line that says why.
    static func leave(_ reason: String) -> Never {
        var line = reason + "\n"
        line.withUTF8 { bytes in _ = unsafe write(2, bytes.baseAddress!, bytes.count) }
        exit(1)
    }
}
