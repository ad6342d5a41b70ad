internal import Observation
internal import Resolver

extension ConfigurationNode {
    /// The value in one line of YAML, for people: passwords in URLs are left out.
    var line: String {
        switch content {
        case .empty: ""
        case .scalar(let text): Self.written(text)
        case .list(let elements): "[" + elements.map(\.line).joined(separator: ", ") + "]"
        case .mapping(let pairs):
            "{" + pairs.map { "\(Self.written($0.key)): \($0.value.line)" }.joined(separator: ", ") + "}"
        }
    }

    /// A text as YAML takes it: as it is, or in quotes, with escapes for what is no plain letter.
    static func written(_ given: String) -> String {
        let text = withoutPassword(given)
        let isWord = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
        if isWord, let first = text.first, first != "-", text != "null" { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where !scalar.isPlain:
                let digits = String(scalar.value, radix: 16)
                result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
