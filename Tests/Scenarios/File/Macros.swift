/// Variables and expressions: `${$start + 3600}`. Left to right, without precedence, as testbound reckons.
package struct Macros: Sendable {
    /// Why an expression has no value.
    package struct Failure: Error, Equatable, Sendable {
        /// What was found, and what was expected.
        package let detail: String
    }

    /// Variables by name.
    private var values: [String: String] = [:]
    /// Seconds on the clock, for `${time}`.
    package var time = 0.0

    /// No variables, and time 0.
    package init() {}

    /// Expressions are not deeper than this.
    private static let maximumDepth = 16

    /// Sets a variable to the value of an expression.
    package mutating func assign(_ name: String, _ text: String) throws(Failure) { values[name] = try expand(text) }

    /// The number that a text with expressions stands for.
    package func number(_ text: String) throws(Failure) -> Double {
        let expanded = try expand(text)
        guard let number = Double(Substring(expanded).trimmed), number.isFinite else {
            throw Failure(detail: "'\(expanded)': expected a number")
        }
        return number
    }

    /// A text with its expressions replaced by their values.
    package func expand(_ text: String) throws(Failure) -> String { try expand(text[...], depth: 0) }

    private func expand(_ text: Substring, depth: Int) throws(Failure) -> String {
        guard depth < Self.maximumDepth else { throw Failure(detail: "'\(text)': expressions in expressions without an end") }
        var result = ""
        var rest = text
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            let end = try Self.end(of: rest[start.upperBound...])
            result += try value(rest[start.upperBound..<end], depth: depth + 1)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    /// Where the brace is that closes an expression.
    private static func end(of text: Substring) throws(Failure) -> Substring.Index {
        var depth = 0
        for index in text.indices {
            if text[index] == "{" { depth += 1 }
            guard text[index] == "}" else { continue }
            if depth == 0 { return index }
            depth -= 1
        }
        throw Failure(detail: "'${\(text)': expected }")
    }

    /// The value of what stands between braces.
    private func value(_ text: Substring, depth: Int) throws(Failure) -> String {
        let text = try variables(try expand(text, depth: depth))
        let words = text.split(whereSeparator: \.isWhitespace)
        switch words.first {
        case "time": return Self.written(time)
        case "range": return try range(words)
        case "timeout", "ctime": throw Failure(detail: "${\(words[0])}: expected time, range, or arithmetic")
        default: return try arithmetic(text)
        }
    }

    /// A text with `$name` replaced.
    private func variables(_ text: String) throws(Failure) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let name = rest[dollar...].dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            guard let value = values[String(name)] else { throw Failure(detail: "$\(name): no such variable") }
            result += value
            rest = rest[name.endIndex...]
        }
        return result + rest
    }

    /// `range 1 2 3`: the middle one, which has to lie between the others.
    private func range(_ words: [Substring]) throws(Failure) -> String {
        let numbers = words.dropFirst().compactMap { Double($0) }
        guard numbers.count == 3, numbers[0] <= numbers[1], numbers[1] <= numbers[2] else {
            throw Failure(detail: "\(words.joined(separator: " ")): expected a number between two others")
        }
        return Self.written(numbers[1])
    }

    /// `1 + 2 * 3` is 9.
    private func arithmetic(_ text: String) throws(Failure) -> String {
        let failure = Failure(detail: "'\(text)': expected numbers with + - * / between them")
        var rest = text[...]
        func number() -> Double? {
            rest = rest.drop(while: \.isWhitespace)
            let digits = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest[digits.endIndex...].drop(while: \.isWhitespace)
            return Double(digits)
        }
        guard var result = number() else { throw failure }
        while let sign = rest.popFirst() {
            guard let next = number() else { throw failure }
            switch sign {
            case "+": result += next
            case "-": result -= next
            case "*": result *= next
            case "/": result /= next
            default: throw failure
            }
        }
        return Self.written(result)
    }

    /// A number without a fraction where it has none.
    private static func written(_ number: Double) -> String {
        Int64(exactly: number).map { String($0) } ?? String(number)
    }
}
