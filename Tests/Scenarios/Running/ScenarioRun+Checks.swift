internal import DNSWire
internal import Green

extension ScenarioRun {
    /// A client has an answer as the entry has it.
    func checkAnswer(_ entry: ScenarioEntry, _ step: ScenarioStep) throws {
        let wanted = step.address.flatMap { ScenarioMachines.address(of: $0) }
        var found: Int?
        _ = try wait { [self] in
            found = answers.firstIndex { answer in
                (wanted == nil || wanted == answer.client) && Self.differences(entry, answer).isEmpty
            }
            return found != nil || unanswered.isEmpty && !answers.isEmpty
        }
        if let found {
            answers.remove(at: found)
            return
        }
        guard let answer = answers.first(where: { wanted == nil || wanted == $0.client }) else {
            throw StepFailure(line: step.line, details: ["STEP \(step.number) CHECK_ANSWER: no answer came"])
        }
        let came = (try? Message(answer.bytes.span))?.description.split(separator: "\n").map(String.init) ?? ["\(answer.bytes)"]
        throw StepFailure(
            line: step.line,
            details: ["STEP \(step.number) CHECK_ANSWER: the answer is another (- expected, + came)"]
                + Self.differences(entry, answer) + ["the answer that came:"] + came)
    }

    /// What of an answer is not as the entry has it.
    private static func differences(_ entry: ScenarioEntry, _ answer: ClientAnswer) -> [String] {
        if let bytes = entry.packets[0].bytes {
            return bytes == answer.bytes ? [] : ["expected the bytes \(bytes)"]
        }
        do {
            return entry.differences(from: try Message(answer.bytes.span), over: answer.transport)
        } catch {
            return ["the answer cannot be read: \(error)"]
        }
    }

    /// The daemon asks an upstream as the entry has it.
    func checkUpstreamQuery(_ entry: ScenarioEntry, _ step: ScenarioStep) throws {
        var found: PendingQuery?
        _ = try wait { [self] in
            found = pending.first { matches($0, entry, step) }
            return found != nil
        }
        guard let found else {
            let others = pending.map { "waiting: \($0.summary)" }
            throw StepFailure(
                line: step.line, details: ["STEP \(step.number) CHECK_OUT_QUERY: no upstream was asked so"] + others)
        }
        remove(found)
        if entry.adjustments.contains(.copyID) { found.answer(entry) }
    }

    /// Takes the question that came last.
    func takeNewest(_ step: ScenarioStep) throws -> PendingQuery {
        _ = try wait { [self] in pending.contains { !$0.isProbe } }
        guard let newest = pending.last(where: { !$0.isProbe }) else {
            throw StepFailure(line: step.line, details: ["STEP \(step.number): no question waits for an answer of an upstream"])
        }
        remove(newest)
        return newest
    }

    /// At the end nothing is left over, and nobody waits for an answer but who is to have none (`ADJUST do_not_answer`).
    func finish() throws {
        try pass(.milliseconds(10))
        let line = scenario.steps.last?.line ?? 0
        if let query = leftOver {
            throw StepFailure(line: line, details: ["at the end no entry has an answer: \(query.summary)"])
        }
        if let answer = answers.first {
            let came = (try? Message(answer.bytes.span))?.description.split(separator: "\n").map(String.init) ?? []
            throw StepFailure(line: line, details: ["at the end an answer is left that no step has checked:"] + came)
        }
        if let step = scenario.steps.first(where: { unanswered.contains($0.number) }) {
            throw StepFailure(line: step.line, details: ["STEP \(step.number) QUERY: at the end it has no answer"])
        }
        if let failure = daemon.failure { throw StepFailure(line: line, details: ["the daemon ended: \(failure)"]) }
    }
}
