/// Names as text (RFC 1035 5.1, RFC 4343 2.1).
extension Name: LosslessStringConvertible {
    /// The name with its final dot; what is not plain is escaped as `\.` or `\007`.
    public var description: String {
        guard !isRoot else { return "." }
        var text = ""
        for label in labels {
            for byte in label { Name.escape(byte, into: &text) }
            text += "."
        }
        return text
    }

    /// Reads an absolute name or one relative to the root: `www.example.com` is `www.example.com.`.
    public init?(_ text: String) {
        guard let name = try? Name(text: Array(text.utf8), origin: .root) else { return nil }
        self = name
    }

    /// Reads a name; without a final dot it is relative to the origin. `@` is the origin itself.
    public init(_ text: String, origin: Name) throws(WireError) {
        try self.init(text: Array(text.utf8), origin: origin)
    }

    /// Reads a name from a field of a record's line, escapes and all.
    init(text: [UInt8], origin: Name) throws(WireError) {
        if text == [UInt8(ascii: "@")] {
            self = origin
            return
        }
        if text == [UInt8(ascii: ".")] {
            self = .root
            return
        }
        var labels: [[UInt8]] = []
        var label: [UInt8] = []
        var position = 0
        while position < text.count {
            if text[position] == UInt8(ascii: ".") {
                guard !label.isEmpty else { throw .badName }
                labels.append(label)
                label = []
                position += 1
            } else {
                label.append(try PresentationReader.unescape(text, at: &position))
            }
        }
        if label.isEmpty {
            guard !labels.isEmpty else { throw .badText }
            try self.init(labels: labels)
        } else {
            self = try Name(labels: labels + [label]).appending(origin)
        }
    }

    /// Appends a byte of a label, escaped where it would mean something else or cannot be seen.
    private static func escape(_ byte: UInt8, into text: inout String) {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "@"), UInt8(ascii: "$"):
            text += "\\"
            text.unicodeScalars.append(Unicode.Scalar(byte))
        case 0x21...0x7E:
            text.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            text += PresentationText.decimalEscape(byte)
        }
    }
}
