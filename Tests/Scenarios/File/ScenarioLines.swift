/// The lines of a scenario file, one after another, with their numbers.
struct ScenarioLines {
    /// A line that says something.
    struct Line {
        /// Counted from 1.
        let number: Int
        /// Without white space around it; comments that follow on the line are still there.
        let text: Substring

        /// Its words, without the comment behind them.
        var words: [Substring] {
            text.prefix { $0 != ";" }.split { $0.isWhitespace || $0 == "," }
        }

        /// Its first word.
        var keyword: Substring { text.prefix { !$0.isWhitespace && $0 != ";" } }

        /// What follows its first word, without a comment.
        var rest: Substring { text.dropFirst(keyword.count).prefix { $0 != ";" }.trimmed }
    }

    /// The file's name.
    let file: String
    private let lines: [Substring]
    private var index = 0

    init(_ text: String, file: String) {
        self.file = file
        lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }

    /// The number of the line that was taken last.
    var number: Int { index }

    /// Takes the next line that is neither empty nor a comment; nil at the end.
    mutating func next() -> Line? {
        while let line = nextRaw() {
            let text = line.text.trimmed
            if let first = text.first, first != ";", first != "#" { return Line(number: line.number, text: text) }
        }
        return nil
    }

    /// Takes the next line as it stands there; nil at the end.
    mutating func nextRaw() -> Line? {
        guard index < lines.count else { return nil }
        index += 1
        return Line(number: index, text: lines[index - 1])
    }

    /// Goes back by one line.
    mutating func putBack() { index -= 1 }

    /// The comment that opens the file, as one text.
    var opening: String {
        var words: [Substring] = []
        for line in lines {
            let text = line.trimmed
            guard let first = text.first else {
                if words.isEmpty { continue } else { break }
            }
            guard first == ";" || first == "#" else { break }
            words.append(text.drop { $0 == ";" || $0 == "#" }.trimmed)
        }
        return words.joined(separator: " ")
    }

    /// An error at a line.
    func error(_ line: Int, _ reason: String, _ detail: String) -> ScenarioError {
        ScenarioError(file: file, line: line, reason: reason, detail: detail)
    }

    /// A line that is not what the format has there.
    func syntax(_ line: Int, _ detail: String) -> ScenarioError { error(line, "not as the format has it", detail) }

    /// The end of the file where something else had to come.
    func ended(before expected: String) -> ScenarioError {
        syntax(lines.count, "the file ends here; expected \(expected)")
    }
}

extension Substring {
    /// Without white space at both ends.
    var trimmed: Substring {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
