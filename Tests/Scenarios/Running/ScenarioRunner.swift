internal import Green
internal import SimulatedDaemon

/// Runs scenarios, each in a world of its own.
package enum ScenarioRunner {
    /// Reads a file's text and runs it.
    package static func run(_ text: String, file: String, isStrict: Bool = false) -> ScenarioOutcome {
        do throws(ScenarioError) {
            return run(try Scenario(text, file: file, isStrict: isStrict))
        } catch {
            return .refused(error)
        }
    }

    /// Runs a scenario.
    package static func run(_ scenario: Scenario) -> ScenarioOutcome {
        let world = VirtualWorld(seed: 17)
        // A round trip takes less than a millisecond, so that seconds are what the steps make them.
        world.network.latency = .microseconds(100)...(.microseconds(100))
        do {
            return try world.run { hub in try ScenarioRun(scenario, world, hub).outcome() }
        } catch {
            return .failed(ScenarioFailure(file: scenario.file, line: 0, details: ["the run broke off: \(error)"], history: []))
        }
    }
}
