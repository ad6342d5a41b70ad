/// Lines of a hosts file that could not be used. The first few are kept; all are counted.
package struct HostsProblems: Sendable, Equatable {
    /// A line, and what is wrong with it.
    package struct Line: Sendable, Equatable, CustomStringConvertible {
        /// Its number, from 1.
        package let number: Int
        /// What is wrong.
        package let reason: String

        /// `line 3: "x" is not an address`.
        package var description: String { "line \(number): \(reason)" }
    }

    /// No more than this many are kept.
    static let maximumKept = 10

    /// The first of them.
    package private(set) var lines: [Line] = []
    /// How many there are.
    package private(set) var count = 0

    /// Whether every line was good.
    package var isEmpty: Bool { count == 0 }

    /// Notes one.
    mutating func note(line: Int, _ reason: @autoclosure () -> String) {
        count += 1
        if lines.count < Self.maximumKept { lines.append(Line(number: line, reason: reason())) }
    }
}

extension HostsProblems: CustomStringConvertible {
    /// All that is kept, in one line for the log.
    package var description: String {
        let more = count > lines.count ? ["and \(count - lines.count) more"] : []
        return (lines.map(\.description) + more).joined(separator: "; ")
    }
}
