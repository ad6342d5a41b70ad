// vireo-simulate: runs seeds of the simulation.
//
//     vireo-simulate --seeds 10000 [--from 1] [--jobs 2]     all of them; shows the first that fails, made smaller
//     vireo-simulate --seed 17                               one, with its trace
//     vireo-simulate --seed 17 --hash                        one; prints what its trace hashes to
//
// Exit status: 0 where all held, 1 where a seed failed, 2 where nothing could be run. Seeds run in children, which say what they
// are at: one that traps, or takes longer than --limit (120 s) for a seed, has that seed named. `--fault fail|trap|hang` makes each
// seed do that, to see that it is told.
//
// A run is a function of its seed only where hashing is: the program starts itself again with SWIFT_DETERMINISTIC_HASHING.

@preconcurrency import Glibc
import Simulation

setlinebuf(stdout)
let options = Options(CommandLine.arguments)
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    setenv("TZ", "UTC", 1)
    var words = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &words)
    stop("cannot start itself: \(String(cString: strerror(errno)))")
}

/// A seed's plan, and what comes of it.
func run(_ seed: UInt64) -> (Plan, Outcome) {
    var plan = Plan(seed: seed)
    switch options.fault {
    case "fail": plan.upstreams = []
    case "trap": fatalError("a fault that was asked for")
    case "hang": while true { pause() }
    default: break
    }
    return (plan, Simulation.run(plan))
}

if let seed = options.numbers["--seed"] {
    let (plan, outcome) = run(seed)
    if options.wantsHash {
        print(String(outcome.hash, radix: 16))
    } else if outcome.violation == nil {
        for line in outcome.trace { print("  \(line)") }
        print("seed \(seed): all held, \(outcome.judged) answers, trace \(String(outcome.hash, radix: 16))")
    } else {
        report(plan, outcome)
    }
    exit(outcome.violation == nil ? 0 : 1)
}
let (first, count) = (options.numbers["--from"] ?? 1, options.numbers["--seeds"] ?? 100)
let parts = max(1, options.numbers["--jobs"] ?? 2)
if let part = options.numbers["--part"] {
    var judged = 0
    for seed in first..<(first + count) where seed % parts == part {
        print("seed \(seed)")
        let (_, outcome) = run(seed)
        judged += outcome.judged
        if let violation = outcome.violation {
            print("because of: \(violation)")
            print("fails \(seed)")
            exit(1)
        }
    }
    print("held \(judged)")
    exit(0)
}
let limit = Int(options.numbers["--limit"] ?? 120)
let begun = time(nil)
var children = Children(
    (0..<parts).map { part in
        ["--seeds", "\(count)", "--from", "\(first)", "--jobs", "\(parts)", "--part", "\(part)"] + options.passedOn
    }, limit: limit)
guard let failure = children.firstFailure() else {
    print("\(count) seeds from \(first): all held, \(children.judged) answers judged in \(time(nil) - begun) s")
    exit(0)
}
print("seed \(failure.seed) \(failure.how), after \(failure.seed - first + 1) of \(count)")
// Once more by itself: with its trace, and made smaller.
if failure.isOfCheck {
    let again = Child(["--seed", "\(failure.seed)"] + options.passedOn, capturing: false)
    if again.status(within: 10 * limit) == nil { print("making it smaller takes too long") }
}
print("again: make simulate SEED=\(failure.seed)")
exit(1)
