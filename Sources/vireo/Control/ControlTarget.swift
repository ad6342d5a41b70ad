/// The target of a request to the control API.
struct ControlTarget {
    /// As it stands in the request.
    private(set) var text: String

    /// A path with parameters; those without a value are left out.
    init(_ path: String, _ parameters: KeyValuePairs<String, String?> = [:]) {
        text = path
        var separator = "?"
        for case (let key, let value?) in parameters {
            text += "\(separator)\(key)=\(Self.escaped(value))"
            separator = "&"
        }
    }

    /// Percent escapes for all that is not plain.
    private static func escaped(_ value: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return value.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
