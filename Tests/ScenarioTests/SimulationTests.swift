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

    /// What the program prints for a seed.
    private func hash(_ seed: Int) throws -> String {
        let folder = Bundle.main.executableURL!.deletingLastPathComponent()
        let places = [folder, folder.deletingLastPathComponent()].map { $0.appendingPathComponent("vireo-simulate") }
        let program = places.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) })
        let process = Process()
        process.executableURL = program
        process.arguments = ["--seed", "\(seed)", "--hash"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [1, 8]) func `a seed gives the same run each time, event by event`(seed: Int) throws {
        let first = try hash(seed)
        #expect(!first.isEmpty)
        #expect(try hash(seed) == first)
    }

    @Test func `a run that fails is made smaller, with the same failure`() {
        // Nobody listens where the clients ask.
        var plan = Plan(seed: 4)
        plan.upstreams = []
        let outcome = Simulation.run(plan)
        let (small, result) = Shrinking.shrink(plan, outcome) { _ in }
        #expect(result.violation?.check == outcome.violation?.check && outcome.violation != nil)
        #expect(small.events.count <= plan.events.count && small.clients.count == 1)
    }
}
