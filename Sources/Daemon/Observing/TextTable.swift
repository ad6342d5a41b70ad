internal import Green
internal import Observation

/// Lines of cells for people: columns as wide as their widest cell, those of numbers aligned to the right.
struct TextTable {
    private var rows: [[String]]
    private let right: Set<Int>

    /// A table with a head; `right` are the columns of numbers.
    init(_ head: [String], right: Set<Int> = []) {
        rows = [head]
        self.right = right
    }

    /// Adds a row. What is no character to see, which may be a stranger's, is shown as `?`.
    mutating func add(_ cells: [String]) { rows.append(cells.map(PlainText.shown)) }

    /// All of it.
    var text: String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.enumerated().map { number, row in
            giveWay(before: number, every: 16)
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: max(0, widths[column] - cell.count))
                line += (column > 0 ? "  " : "") + (right.contains(column) ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// A duration in the unit that people read it in.
    static func duration(microseconds: UInt64) -> String {
        switch microseconds {
        case ..<1_000: "\(microseconds) µs"
        case ..<1_000_000: "\(microseconds / 1_000).\(microseconds % 1_000 / 100) ms"
        case ..<120_000_000: "\(microseconds / 1_000_000).\(microseconds % 1_000_000 / 100_000) s"
        default: "\(microseconds / 60_000_000) min"
        }
    }

    /// A part of a whole in percent, with one decimal.
    static func share(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "-" }
        let permille = Int((Double(part) / Double(whole) * 1000).rounded())
        return "\(permille / 10).\(permille % 10) %"
    }
}
