internal import DNSWire

/// Reads a scenario file from its first line to SCENARIO_END.
struct ScenarioParser {
    private var lines: ScenarioLines
    private var defaults = EntryReader.Defaults()

    init(_ text: String, file: String) {
        lines = ScenarioLines(text, file: file)
    }

    /// The whole file.
    mutating func scenario() throws(ScenarioError) -> Scenario {
        var scenario = Scenario(file: lines.file, opening: lines.opening)
        scenario.settings = try SettingsReader.read(&lines)
        guard let begin = lines.next(), begin.keyword == "SCENARIO_BEGIN" else {
            throw lines.syntax(lines.number, "expected SCENARIO_BEGIN behind the settings")
        }
        scenario.title = String(begin.rest)
        while let line = lines.next() {
            switch line.keyword {
            case "RANGE_BEGIN": scenario.ranges.append(try range(line))
            case "STEP":
                let step = try step(line)
                guard scenario.steps.last.map({ $0.number < step.number }) ?? true else {
                    throw lines.syntax(line.number, "STEP \(step.number): expected a number above that of the step before")
                }
                scenario.steps.append(step)
            case "SCENARIO_END": return scenario
            case "$ORIGIN", "$TTL": try defaults.take(line, lines)
            default:
                throw lines.syntax(
                    line.number, "'\(line.keyword)': expected RANGE_BEGIN, STEP or SCENARIO_END")
            }
        }
        throw lines.ended(before: "SCENARIO_END")
    }

    // MARK: - Ranges

    private mutating func range(_ begin: ScenarioLines.Line) throws(ScenarioError) -> ScenarioRange {
        let numbers = begin.words.dropFirst().compactMap { Int($0) }
        guard numbers.count >= 2, numbers[0] <= numbers[1] else {
            throw lines.syntax(begin.number, "RANGE_BEGIN: expected the number of the first and of the last step")
        }
        var range = ScenarioRange(steps: numbers[0]...numbers[1])
        while let line = lines.next() {
            switch line.keyword {
            case "ADDRESS": range.addresses += line.words.dropFirst().map(String.init)
            case "ENTRY_BEGIN": range.entries.append(try EntryReader.read(&lines, &defaults))
            case "RANGE_END": return range
            case "$ORIGIN", "$TTL": try defaults.take(line, lines)
            default: throw lines.syntax(line.number, "'\(line.keyword)': expected ADDRESS, ENTRY_BEGIN or RANGE_END")
            }
        }
        throw lines.ended(before: "RANGE_END")
    }

    // MARK: - Steps

    /// Steps that ask for what this server has not, and why.
    private static let refused: [String: String] = [
        "CHECK_AUTOTRUST": "no trust anchors are kept here", "CHECK_TEMPFILE": "no zone files are written here",
        "INFRA_RTT": "round trips are measured, not set", "ERROR": "an error of a socket is not simulated; use TIMEOUT",
        "FLUSH_MESSAGE": "single messages are not flushed from outside",
        "EXPIRE_MESSAGE": "single messages do not expire from outside; use TIME_PASSES",
    ]

    private mutating func step(_ line: ScenarioLines.Line) throws(ScenarioError) -> ScenarioStep {
        let words = line.words
        guard words.count >= 3, let number = Int(words[1]), number >= 0 else {
            throw lines.syntax(line.number, "STEP: expected a number and what happens")
        }
        let kind = String(words[2])
        var address: String?
        if let place = words.firstIndex(of: "ADDRESS"), place + 1 < words.count { address = String(words[place + 1]) }
        if let reason = Self.refused[kind] {
            throw lines.error(line.number, "STEP \(kind)", "STEP \(number) \(kind): \(reason)")
        }
        let action: ScenarioStep.Action
        switch kind {
        case "NOTHING": action = .nothing
        case "TRAFFIC": action = .traffic
        case "TIMEOUT": action = .timeout
        case "QUERY": action = .query(try entry())
        case "CHECK_ANSWER": action = .checkAnswer(try entry())
        case "CHECK_OUT_QUERY": action = .checkUpstreamQuery(try entry())
        case "REPLY": action = .reply(try entry())
        case "TIME_PASSES": action = .timePasses(try elapse(line))
        case "ASSIGN": action = try assignment(line)
        default:
            throw lines.error(
                line.number, "STEP \(kind)",
                "STEP \(number) \(kind): expected QUERY, CHECK_ANSWER, CHECK_OUT_QUERY, REPLY, TIMEOUT, TIME_PASSES, TRAFFIC, "
                    + "ASSIGN or NOTHING")
        }
        return ScenarioStep(number: number, line: line.number, action: action, address: address)
    }

    /// The entry that a step needs.
    private mutating func entry() throws(ScenarioError) -> ScenarioEntry {
        while let line = lines.next() {
            switch line.keyword {
            case "ENTRY_BEGIN": return try EntryReader.read(&lines, &defaults)
            case "$ORIGIN", "$TTL": try defaults.take(line, lines)
            default: throw lines.syntax(line.number, "'\(line.keyword)': expected the step's ENTRY_BEGIN")
            }
        }
        throw lines.ended(before: "ENTRY_BEGIN")
    }

    /// The expression of TIME_PASSES ELAPSE or EVAL.
    private func elapse(_ line: ScenarioLines.Line) throws(ScenarioError) -> String {
        for keyword in ["ELAPSE", "EVAL"] {
            if let place = line.text.firstRange(of: keyword) {
                let text = line.text[place.upperBound...].prefix { $0 != ";" }.trimmed
                if !text.isEmpty { return String(text) }
            }
        }
        throw lines.syntax(line.number, "TIME_PASSES: expected ELAPSE and seconds, or EVAL and an expression")
    }

    /// STEP 10 ASSIGN name = expression.
    private func assignment(_ line: ScenarioLines.Line) throws(ScenarioError) -> ScenarioStep.Action {
        let words = line.words
        guard words.count >= 6, words[4] == "=" else {
            throw lines.syntax(line.number, "ASSIGN: expected a name, =, and an expression")
        }
        return .assign(String(words[3]), words[5...].joined(separator: " "))
    }
}
