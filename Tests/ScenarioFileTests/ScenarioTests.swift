import Scenarios
import Testing

/// The scenarios in Tests/Resources/scenarios.
@Suite struct ScenarioTests {
    static let files = ScenarioFiles.below(
        "\(#filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined())/Resources/scenarios")

    @Test(arguments: files) func `each scenario is as its file has it`(_ file: String) {
        switch ScenarioFiles.run(file, isStrict: true) {
        case .passed: break
        case .failed(let failure): Issue.record("\(failure)")
        case .refused(let error): Issue.record("\(error)")
        }
    }

    @Test func `there are at least eighty, and each opens with a sentence on what it proves`() throws {
        #expect(Self.files.count >= 80)
        for file in Self.files {
            let opening = try Scenario(try #require(ScenarioFiles.text(of: file)), file: file).opening
            #expect(opening.hasSuffix(".") && opening.split(separator: " ").count > 2, "\(file): \(opening)")
        }
    }

    /// A scenario that asks once and expects some address.
    private func scenario(_ address: String, _ steps: String = "") -> String {
        """
        CONFIG_END
        SCENARIO_BEGIN x
        RANGE_BEGIN 0 100
        ENTRY_BEGIN
        MATCH qname
        ADJUST copy_id
        REPLY QR RD RA
        SECTION QUESTION
        a. IN A
        SECTION ANSWER
        a. 60 IN A 192.0.2.1
        ENTRY_END
        RANGE_END
        STEP 1 QUERY
        ENTRY_BEGIN
        REPLY RD
        SECTION QUESTION
        www.example. IN A
        ENTRY_END
        \(steps)
        STEP 50 CHECK_ANSWER
        ENTRY_BEGIN
        MATCH all
        REPLY QR RD RA
        SECTION QUESTION
        www.example. IN A
        SECTION ANSWER
        www.example. 60 IN A \(address)
        ENTRY_END
        SCENARIO_END
        """
        .replacing("a. ", with: "www.example. ")
    }

    @Test func `another answer than expected fails at the step's line, with what differs`() {
        guard case .passed = ScenarioRunner.run(scenario("192.0.2.1"), file: "x.rpl") else {
            Issue.record("does not pass")
            return
        }
        guard case .failed(let failure) = ScenarioRunner.run(scenario("192.0.2.2"), file: "x.rpl") else {
            Issue.record("does not fail")
            return
        }
        #expect(failure.line == 21 && failure.details.contains("  - www.example.\t60\tIN\tA\t192.0.2.2"))
        #expect(failure.details.contains("  + www.example.\t60\tIN\tA\t192.0.2.1"))
        #expect(failure.history.contains { $0.contains("was asked over udp") })
    }

    @Test func `a question that was not asked, an answer that is left, and a question that is left fail too`() {
        func details(_ text: String) -> String {
            guard case .failed(let failure) = ScenarioRunner.run(text, file: "x.rpl") else { return "no failure" }
            return failure.details.joined(separator: "\n")
        }
        let other = "ENTRY_BEGIN\nMATCH qname\nSECTION QUESTION\nother. IN A\nENTRY_END"
        #expect(details(scenario("192.0.2.1", "STEP 2 CHECK_OUT_QUERY\n\(other)")).contains("no upstream was asked so"))
        let again = "STEP 2 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\nwww.example. IN A\nENTRY_END"
        #expect(details(scenario("192.0.2.1", again)).contains("an answer is left"))
        let silent = scenario("192.0.2.1").replacing("RANGE_BEGIN 0 100", with: "RANGE_BEGIN 90 100")
        #expect(details(silent).contains("SERVFAIL"))
    }

    /// A scenario with a client that asks what is dropped, or is answered.
    private func lone(_ settings: String, _ adjustment: String = "") -> String {
        """
        vireo:
          local: \(settings)
        CONFIG_END
        SCENARIO_BEGIN x
        STEP 10 QUERY
        ENTRY_BEGIN
        \(adjustment)
        REPLY RD
        SECTION QUESTION
        www.example. IN A
        ENTRY_END
        STEP 20 TRAFFIC
        SCENARIO_END
        """
    }

    @Test func `a query that has no answer fails at its line, unless the script has it so`() {
        let dropped = "\"www.example: drop\""
        guard case .failed(let failure) = ScenarioRunner.run(lone(dropped), file: "x.rpl") else {
            Issue.record("does not fail")
            return
        }
        #expect(failure.line == 5 && failure.details == ["STEP 10 QUERY: at the end it has no answer"])
        let silence = "ADJUST do_not_answer"
        guard case .passed = ScenarioRunner.run(lone(dropped, silence), file: "x.rpl") else {
            Issue.record("does not pass")
            return
        }
        let answered = ScenarioRunner.run(lone("\"www.example. 60 IN A 192.0.2.1\"", silence), file: "x.rpl")
        guard case .failed(let other) = answered else {
            Issue.record("does not fail")
            return
        }
        #expect(other.details.first?.contains("an answer is left") == true)
    }

    @Test func `settings that the daemon refuses, and files that are not there, are no failures but do not fit`() {
        guard case .refused(let error) = ScenarioRunner.run("vireo:\n  cach: 1\n" + scenario("192.0.2.1"), file: "x.rpl") else {
            Issue.record("not refused")
            return
        }
        #expect(error.reason == "settings that the daemon refuses" && error.detail.contains("cach"))
        guard case .refused(let missing) = ScenarioFiles.run("/nowhere/x.rpl") else {
            Issue.record("not refused")
            return
        }
        #expect(missing.reason == "cannot be read" && missing.file == "/nowhere/x.rpl")
    }

    @Test func `the report counts, and its exit code says the worst but one`() {
        var report = ScenarioReport()
        #expect(report.exitCode == 0)
        _ = report.note(.refused(ScenarioError(file: "x", line: 1, reason: "why", detail: "because")), of: "x")
        #expect(report.exitCode == 2)
        _ = report.note(.failed(ScenarioFailure(file: "x", line: 1, details: [], history: [])), of: "x")
        _ = report.note(.passed, of: "x")
        #expect(report.exitCode == 1 && report.summary == "1 passed, 1 failed, 1 refused\n  1\twhy")
    }
}
