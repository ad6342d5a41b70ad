/// What became of several files.
package struct ScenarioReport: Sendable {
    private var passed = 0
    private var failed = 0
    private var reasons: [String: Int] = [:]

    /// No files yet.
    package init() {}

    /// Counts a file; what there is to say of it, nil where it passed.
    package mutating func note(_ outcome: ScenarioOutcome, of file: String) -> String? {
        switch outcome {
        case .passed:
            passed += 1
            return nil
        case .failed(let failure):
            failed += 1
            return "\(failure)"
        case .refused(let error):
            reasons[error.reason, default: 0] += 1
            return "\(error.file):\(error.line): refused: \(error.detail)"
        }
    }

    /// The counts, and why files were refused, the most frequent reason first.
    package var summary: String {
        let refused = reasons.values.reduce(0, +)
        let head = "\(passed) passed, \(failed) failed, \(refused) refused"
        let table = reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "  \($0.value)\t\($0.key)" }
        return ([head] + table).joined(separator: "\n")
    }

    /// 0 where all passed, 1 where one failed, 2 where one was refused.
    package var exitCode: Int32 { failed > 0 ? 1 : reasons.isEmpty ? 0 : 2 }
}
