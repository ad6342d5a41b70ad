/// The parts of a request's target.
enum HTTPTarget {
    /// Decodes `%41`; what is no escape stays as it is. `plusIsSpace` is for queries. Bytes that are no UTF-8 become U+FFFD.
    static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        let source = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < source.count {
            if source[index] == UInt8(ascii: "%"), index + 2 < source.count, let high = digit(source[index + 1]),
                let low = digit(source[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(plusIsSpace && source[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : source[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Path and query of a request's target, not decoded; nil for one that is none (RFC 9112 3.2).
    static func parts(of target: String, method: String) -> (path: Substring, query: Substring)? {
        guard target.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }) else { return nil }
        if target == "*" { return method == "OPTIONS" ? (target[...], "") : nil }
        var rest = target[...]
        if !target.hasPrefix("/") {
            // What a proxy is asked for, and a server must take.
            guard let url = HTTPURL(target) else { return nil }
            rest = url.target[...]
        }
        let mark = rest.firstIndex(of: "?") ?? rest.endIndex
        return (rest[..<mark], rest[mark...].dropFirst())
    }

    /// Takes a query apart: `a=1&b` is a with 1, and b with nothing.
    static func fields(ofQuery text: some StringProtocol) -> [HTTPField] {
        text.split(separator: "&").map { part in
            let equals = part.firstIndex(of: "=") ?? part.endIndex
            let value = part[equals...].dropFirst()
            return HTTPField(decode(part[..<equals], plusIsSpace: true), decode(value, plusIsSpace: true))
        }
    }

    /// The number that a hexadecimal digit stands for.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
