@preconcurrency import Glibc

/// Ends the program, for nothing can be run.
func stop(_ why: String) -> Never {
    print("vireo-simulate: \(why)")
    exit(2)
}

/// What the command line says.
struct Options {
    /// The numbers by their options.
    private(set) var numbers: [String: UInt64] = [:]
    /// Whether only the trace's hash is wanted.
    private(set) var wantsHash = false
    /// What each seed is to do instead of running.
    private(set) var fault = ""

    private static let known = ["--seed", "--seeds", "--from", "--jobs", "--part", "--limit"]

    /// Reads the words after the program's name.
    init(_ arguments: [String]) {
        var words = arguments.dropFirst()
        while let word = words.popFirst() {
            if word == "--hash" {
                wantsHash = true
            } else if word == "--fault", let what = words.popFirst() {
                fault = what
            } else if Self.known.contains(word), let number = words.popFirst().flatMap({ UInt64($0) }), number < 1 << 40 {
                numbers[word] = number
            } else {
                stop("what is \(word)? --seeds, --from, --jobs and --seed want a number")
            }
        }
    }

    /// What children are told as well.
    var passedOn: [String] { fault.isEmpty ? [] : ["--fault", fault] }
}
