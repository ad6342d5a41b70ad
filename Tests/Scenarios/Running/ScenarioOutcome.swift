/// What became of a scenario.
package enum ScenarioOutcome: Sendable {
    /// Everything was as the file has it.
    case passed
    /// Something was not.
    case failed(ScenarioFailure)
    /// The file cannot be run here.
    case refused(ScenarioError)
}

/// What was not as the file has it.
package struct ScenarioFailure: Sendable, CustomStringConvertible {
    /// The file.
    package let file: String
    /// The line of the step.
    package let line: Int
    /// What was expected and what came.
    package let details: [String]
    /// What had happened until then.
    package let history: [String]

    /// Puts the fields together.
    package init(file: String, line: Int, details: [String], history: [String]) {
        self.file = file
        self.line = line
        self.details = details
        self.history = history
    }

    /// All of it, as compilers print errors.
    package var description: String {
        let head = "\(file):\(line): \(details.first ?? "failed")"
        return ([head] + details.dropFirst().map { "    \($0)" } + history.map { "    | \($0)" }).joined(separator: "\n")
    }
}

/// Ends a run at a step.
struct StepFailure: Error {
    let line: Int
    let details: [String]
}
