import NaiveRules
import Testing

/// The compiled table beside a dictionary of strings: it says the same of every name, and nothing of names in no list.
@Suite struct NaiveSetTests {
    /// How many names are compared here, where nothing is optimised; `Measure compared-rules` compares a million.
    static let names = 20_000

    @Test func `the compiled tables say what sets of strings say, of every name`() throws {
        let rounds = 20
        let outcome = try NaiveComparison.run(rounds: rounds, names: Self.names / rounds, largest: Self.names / rounds / 4)
        #expect(outcome.miscounted == 0)
        #expect(outcome.differences.isEmpty, "\(outcome.differences.prefix(3))")
    }
}
