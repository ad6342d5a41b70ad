/// Why a scenario file is not run: where, and what was expected there.
package struct ScenarioError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file.
    package let file: String
    /// The line, counted from 1; 0 for the file as a whole.
    package let line: Int
    /// What kind of thing does not fit, the same words for all files: `STEP ERROR`, `needs DNSSEC validation`.
    package let reason: String
    /// What was found, and what was expected.
    package let detail: String

    /// Puts the fields together.
    package init(file: String, line: Int, reason: String, detail: String) {
        self.file = file
        self.line = line
        self.reason = reason
        self.detail = detail
    }

    /// The error as compilers print theirs.
    package var description: String { "\(file):\(line): \(detail)" }
}
