import Foundation
import Simulation
import Testing

@Suite struct SimulationTests {
    @Test(arguments: 1...8) func `all that must hold of the daemon does, for each of some short seeds`(seed: UInt64) {
        var plan = Plan(seed: seed)
        plan.seconds = min(plan.seconds, 30)
        plan.events.removeAll { $0.at > plan.seconds }
        let outcome = Simulation.run(plan)
        #expect(outcome.violation == nil, "of seed \(seed)")
        #expect(outcome.judged > 0)
    }

    @Test func `seeds have clients and upstreams of each transport, and most have no TLS`() {
        let plans = (1...200).map { Plan(seed: $0) }
        #expect(Set(plans.flatMap { $0.clients.map(\.transport) }) == Set(ClientTransport.allCases))
        #expect(Set(plans.flatMap { $0.upstreams.map(\.transport) }) == Set(UpstreamTransport.allCases))
        #expect((100..<160).contains(plans.count { !$0.settings(round: 0).contains("tls:") }))
    }

    /// What the program prints, and its exit status.
    private func simulate(_ arguments: [String]) throws -> (output: String, status: Int32) {
        let folder = Bundle.main.executableURL!.deletingLastPathComponent()
        let places = [folder, folder.deletingLastPathComponent()].map { $0.appendingPathComponent("vireo-simulate") }
        let program = places.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ["SWIFT_BACKTRACE": "enable=no"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        return (String(decoding: output, as: UTF8.self), process.terminationStatus)
    }

    @Test func `a seed gives the same run each time, event by event`() throws {
        let first = try simulate(["--seed", "8", "--hash"])
        #expect(!first.output.isEmpty && first.status == 0)
        #expect(try simulate(["--seed", "8", "--hash"]) == first)
    }

    @Test func `many seeds that hold are told with their answers, and the program ends well`() throws {
        let (output, status) = try simulate(["--seeds", "2", "--from", "7", "--jobs", "2"])
        #expect(output.hasPrefix("2 seeds from 7: all held, "))
        #expect(status == 0)
    }

    @Test func `the first seed that fails is named, made smaller, and the program ends with 1`() throws {
        let (output, status) = try simulate(["--seeds", "9", "--from", "5", "--jobs", "2", "--fault", "fail"])
        #expect(output.hasPrefix("seed 5 fails, after 1 of 9\n"))
        #expect(output.contains("smaller: 1 clients, 0 events") && output.hasSuffix("again: make simulate SEED=5\n"))
        #expect(status == 1)
    }

    @Test(arguments: [("trap", "ends by "), ("hang", "hangs")]) func `the seed that traps or hangs is named`(
        _ fault: String, _ words: String
    ) throws {
        let (output, status) = try simulate(["--seeds", "3", "--jobs", "1", "--limit", "1", "--fault", fault])
        #expect(output.hasPrefix("seed 1 \(words)") && output.hasSuffix("again: make simulate SEED=1\n"))
        #expect(status == 1)
    }

    @Test func `what the program does not know ends it with 2`() throws {
        #expect(try simulate(["--seeds", "many"]).status == 2)
    }

    @Test func `a run that fails is made smaller, with the same failure`() {
        // Without upstreams the daemon does not start, whoever asks and whatever happens.
        var plan = Plan(seed: 4)
        plan.upstreams = []
        let outcome = Simulation.run(plan)
        let (small, result) = Shrinking.shrink(plan, outcome) { _ in }
        #expect(result.violation?.check == outcome.violation?.check && outcome.violation != nil)
        #expect(small.events.isEmpty && small.clients.count == 1)
    }
}
