import Scenarios
import Testing

/// Expressions in steps.
@Suite struct MacroTests {
    @Test(arguments: [
        ("3600", 3600), ("${3600 + 10}", 3610), ("${2+3*4}", 20), ("${2+${3*4}}", 14), ("${$start + 5}", 105), ("${10/4}", 2.5),
        ("${time}", 77), ("${range 1 2 3}", 2), ("${$start - ${time}}", 23), ("  12  ", 12),
    ]) func `an expression is reckoned from left to right`(_ text: String, _ value: Double) throws {
        var macros = Macros()
        macros.time = 77
        try macros.assign("start", "100")
        #expect(try macros.number(text) == value)
    }

    @Test(arguments: ["${", "${1 +}", "${$nothing}", "${range 3 2 1}", "${timeout}", "x", "${1 % 2}", "", "${1/0}"])
    func `what is no expression is said to be none`(_ text: String) {
        #expect(throws: Macros.Failure.self) { try Macros().number(text) }
    }

    @Test func `expressions that are too deep are refused`() {
        let text = String(repeating: "${", count: 40) + "1" + String(repeating: "}", count: 40)
        #expect(throws: Macros.Failure.self) { try Macros().number(text) }
    }
}
