// vireo-simulate: runs seeds of the simulation.
//
//     vireo-simulate --seeds 10000 [--from 1] [--jobs 2]     all of them; prints the first that fails, made smaller
//     vireo-simulate --seed 17                               one, with its trace
//     vireo-simulate --seed 17 --hash                        one; prints what its trace hashes to
//
// A run is a function of its seed only where hashing is: the program starts itself again with SWIFT_DETERMINISTIC_HASHING.

@preconcurrency import Glibc
import Simulation

/// Starts a program with arguments, and gives its process.
func start(_ arguments: [String]) -> pid_t {
    var pid = pid_t()
    var words = (["/proc/self/exe"] + arguments).map { strdup($0) } + [nil]
    posix_spawn(&pid, "/proc/self/exe", nil, nil, &words, environ)
    return pid
}

/// The number after an option.
func number(_ option: String) -> UInt64? {
    let words = CommandLine.arguments
    return words.firstIndex(of: option).flatMap { words.indices.contains($0 + 1) ? UInt64(words[$0 + 1]) : nil }
}

/// Shows a run that failed, made smaller.
func report(_ plan: Plan, _ outcome: Outcome) {
    print("seed \(plan.seed) fails: \(outcome.violation!)")
    let (small, result) = Shrinking.shrink(plan, outcome) { print("  smaller: \($0)") }
    print(small.settings(round: 0))
    print("clients: \(small.clients.map { "\($0.transport) every \($0.pause) ms" }), names: \(small.names)")
    print(
        "upstreams: \(small.upstreams.map { "\($0.behaviour)\($0.isStream ? " over TCP" : "")" }), redis: \(small.redis?.rawValue ?? "none")"
    )
    print("events: \(small.events.map { "\($0.at) s \($0.what)" })")
    for line in result.trace.suffix(80) { print("  \(line)") }
    print("\(result.violation!)\nagain: make simulate SEED=\(plan.seed)")
}

setlinebuf(stdout)
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    setenv("TZ", "UTC", 1)
    var words = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &words)
}
if let seed = number("--seed") {
    let plan = Plan(seed: seed)
    let outcome = Simulation.run(plan)
    if CommandLine.arguments.contains("--hash") {
        print(String(outcome.hash, radix: 16))
        exit(outcome.violation == nil ? 0 : 1)
    }
    guard outcome.violation != nil else {
        for line in outcome.trace { print("  \(line)") }
        print("seed \(seed): all held, \(outcome.judged) answers, trace \(String(outcome.hash, radix: 16))")
        exit(0)
    }
    report(plan, outcome)
    exit(1)
}
let (first, count, jobs) = (number("--from") ?? 1, number("--seeds") ?? 100, number("--jobs") ?? 2)
if jobs > 1 {
    let pids = (0..<jobs).map {
        start(["--seeds", "\(count)", "--from", "\(first)", "--jobs", "1", "--part", "\($0)", "--of", "\(jobs)"])
    }
    var hasFailed = false
    for pid in pids {
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        if status != 0 { hasFailed = true }
    }
    if !hasFailed { print("\(count) seeds from \(first): all held") }
    exit(hasFailed ? 1 : 0)
}
let (part, parts) = (number("--part") ?? 0, number("--of") ?? 1)
var judged = 0
for seed in first..<(first + count) where seed % parts == part {
    let plan = Plan(seed: seed)
    let outcome = Simulation.run(plan)
    judged += outcome.judged
    guard outcome.violation == nil else {
        report(plan, outcome)
        exit(1)
    }
}
print("part \(part): all held, \(judged) answers judged")
