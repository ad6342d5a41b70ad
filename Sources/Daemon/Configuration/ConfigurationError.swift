/// Where a setting was written.
package struct ConfigurationPlace: Sendable, Hashable, CustomStringConvertible {
    /// The file, or the command line option.
    package var source: String
    /// The line in the file, from 1.
    package var line: Int?
    /// The letter in the line, from 1.
    package var column: Int?
    /// The key with its section, such as `cache.size` or `forward[0].domain`; empty for the file as a whole.
    package var key: String

    /// A place in a file, or an option.
    package init(source: String, line: Int? = nil, column: Int? = nil, key: String = "") {
        self.source = source
        self.line = line
        self.column = column
        self.key = key
    }

    /// `vireo.yaml:3:9: cache.size`.
    package var description: String {
        let position = line.map { line in "\(source):\(line)" + (column.map { ":\($0)" } ?? "") } ?? source
        return key.isEmpty ? position : "\(position): \(key)"
    }
}

/// Why there are no settings. Each mistake is one line that names the place, the fault and what was expected.
package enum ConfigurationError: Error, Hashable, Sendable {
    /// The file cannot be read.
    case unreadable(file: String, reason: String)
    /// The file is not YAML, or is not the subset that settings need.
    case syntax(file: String, line: Int, column: Int, reason: String)
    /// There is no such setting.
    case unknownKey(ConfigurationPlace, name: String, known: [String])
    /// The same setting stands there twice.
    case duplicateKey(ConfigurationPlace)
    /// The setting exists, but not with this value.
    case badValue(ConfigurationPlace, problem: String, expected: String)
    /// More than one mistake.
    case several([ConfigurationError])

    /// The mistakes, each by itself.
    package var all: [ConfigurationError] {
        guard case .several(let errors) = self else { return [self] }
        return errors.flatMap(\.all)
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// No more mistakes than this are told.
    static let mostTold = 100

    /// A line for each mistake.
    package var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): \(reason)"
        case .syntax(let file, let line, let column, let reason):
            "\(file):\(line):\(column): not valid YAML: \(reason)"
        case .unknownKey(let place, let name, let known):
            "\(place): unknown key; " + Self.hint(for: name, among: known)
        case .duplicateKey(let place):
            "\(place): given twice; expected each key once"
        case .badValue(let place, let problem, let expected):
            "\(place): \(problem); expected \(expected)"
        case .several:
            Self.lines(all)
        }
    }

    /// A line for each of some mistakes.
    private static func lines(_ errors: [ConfigurationError]) -> String {
        let told = errors.prefix(mostTold).map(\.description)
        let more = errors.count > mostTold ? ["and \(errors.count - mostTold) more mistakes"] : []
        return (told + more).joined(separator: "\n")
    }

    /// The nearest known key when the unknown one looks like a slip of the hand, else all of them.
    private static func hint(for name: String, among known: [String]) -> String {
        if let nearest = nearest(to: name, among: known) { return "did you mean \(nearest)?" }
        return "expected one of " + known.joined(separator: ", ")
    }

    /// The one that a name looks like a slip of the hand for, or else the shortest that has it as one of its words.
    static func nearest(to name: String, among known: [String]) -> String? {
        let nearest = known.map { (name: $0, distance: editDistance($0, name)) }.min { $0.distance < $1.distance }
        if let nearest, nearest.distance <= (name.count < 4 ? 1 : max(2, name.count / 3)) { return nearest.name }
        let word = name.lowercased()
        return known.filter { $0.split(separator: "-").contains { $0 == word } }.min { $0.utf8.count < $1.utf8.count }
    }

    /// How many letters must be put in, taken out or changed to make one text of the other.
    private static func editDistance(_ left: String, _ right: String) -> Int {
        let left = Array(left.lowercased().utf8.prefix(64))
        let right = Array(right.lowercased().utf8.prefix(64))
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substitution = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
