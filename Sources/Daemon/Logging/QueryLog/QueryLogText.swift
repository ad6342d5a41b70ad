internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// Lines of the query log, as bytes: made to keep up with 100,000 queries a second. All that a stranger can choose is escaped as
/// in zone files.
struct QueryLogText {
    private let format: QueryLogSettings.Format
    private let privacy: QueryLogSettings.Privacy
    private let key: CookieKey
    /// What was written lately, as it is written: the second, types, rcodes, clients.
    private var second: (number: Int64, text: [UInt8]) = (.min, [])
    private var types: [UInt16: [UInt8]] = [:]
    private var codes: [UInt16: [UInt8]] = [:]
    private var clients: [UInt128: [UInt8]] = [:]
    private let sources = AnswerSource.allCases.map { Array($0.name.utf8) }
    private let transports = QueryTransport.allCases.map { Array($0.name.utf8) }
    private let outcomes = AnswerOutcome.allCases.map { Array($0.name.utf8) }

    /// So many clients are remembered as they are written.
    private static let mostClients = 4_096

    /// Lines in a format; `key` makes numbers of clients.
    init(_ settings: QueryLogSettings, key: CookieKey) {
        (format, privacy) = (settings.format, settings.privacy)
        self.key = key
    }

    /// Appends a line for a query. `isTimed` is false where its reader knows the time.
    mutating func append(_ entry: QueryTap.Entry, to line: inout [UInt8], isTimed: Bool = true) {
        let microseconds = entry.nanoseconds / 1_000
        switch format {
        case .text:
            if isTimed {
                appendTime(entry.time, to: &line)
                line.append(0x20)
            }
            appendClient(entry.client, to: &line)
            line.append(0x20)
            Self.appendName(entry.name, to: &line, inJSON: false)
            line.append(0x20)
            appendType(entry.type, to: &line)
            line.append(0x20)
            appendCode(entry.responseCode, to: &line)
            line.append(0x20)
            line += sources[entry.source.rawValue]
            line.append(0x20)
            Self.append(microseconds / 1_000, to: &line)
            line.append(0x2E)
            Self.append(microseconds % 1_000, width: 3, to: &line)
            line.append(0x20)
            line += transports[entry.transport.rawValue]
            line.append(0x20)
            line += outcomes[Int(entry.outcome.rawValue)]
            line.append(0x20)
            line += (clientName(entry) ?? "-").utf8
        case .json:
            line += "{\"time\":\"".utf8
            appendTime(entry.time, to: &line)
            line += "\",\"client\":\"".utf8
            appendClient(entry.client, to: &line)
            line += "\",\"name\":\"".utf8
            Self.appendName(entry.name, to: &line, inJSON: true)
            line += "\",\"type\":\"".utf8
            appendType(entry.type, to: &line)
            line += "\",\"rcode\":\"".utf8
            appendCode(entry.responseCode, to: &line)
            line += "\",\"source\":\"".utf8
            line += sources[entry.source.rawValue]
            line += "\",\"microseconds\":".utf8
            Self.append(microseconds, to: &line)
            line += ",\"transport\":\"".utf8
            line += transports[entry.transport.rawValue]
            line += "\",\"outcome\":\"".utf8
            line += outcomes[Int(entry.outcome.rawValue)]
            line.append(0x22)
            // Letters, digits, hyphens, underscores and colons.
            if let name = clientName(entry) { line += ",\"client-name\":\"\(name)\"".utf8 }
            line.append(0x7D)
        }
        line.append(0x0A)
    }

    /// What a query's client is called, where somebody knows and addresses are shown as well.
    private func clientName(_ entry: QueryTap.Entry) -> String? {
        privacy == .off ? entry.identity.nameText : nil
    }

    /// Appends a line that says how many queries are missing here.
    func appendDropped(_ count: UInt64, to line: inout [UInt8]) {
        switch format {
        case .text: line += "# \(count) queries were dropped\n".utf8
        case .json: line += "{\"dropped\":\(count)}\n".utf8
        }
    }

    private mutating func appendTime(_ time: Int64, to line: inout [UInt8]) {
        let (number, rest) = time.quotientAndRemainder(dividingBy: 1_000_000_000)
        if number != second.number {
            // Without milliseconds and Z.
            second = (number, Array(WallTime.text(nanoseconds: time - rest).utf8.dropLast(4)))
        }
        line += second.text
        Self.append(UInt64(max(0, rest)) / 1_000_000, width: 3, to: &line)
        line.append(0x5A)
    }

    private mutating func appendClient(_ client: UInt128, to line: inout [UInt8]) {
        if let known = clients[client] {
            line += known
            return
        }
        let text = Array(shown(client).utf8)
        if clients.count >= Self.mostClients { clients.removeAll(keepingCapacity: true) }
        clients[client] = text
        line += text
    }

    /// A client as it is written.
    private func shown(_ client: UInt128) -> String {
        let isIPv4 = UInt64(truncatingIfNeeded: client >> 64) == .max
        switch privacy {
        case .off: return "\(IPAddress(number: client))"
        case .mask: return "\(IPAddress(number: isIPv4 ? client & ~0xFF : (client >> 80) << 80))"
        case .hash:
            let digits = String(key.hash(0, 0, address: client), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
    }

    private mutating func appendType(_ type: UInt16, to line: inout [UInt8]) {
        let text = types[type] ?? Array("\(RecordType(rawValue: type))".utf8)
        types[type] = text
        line += text
    }

    private mutating func appendCode(_ code: UInt16, to line: inout [UInt8]) {
        let text = codes[code] ?? Array("\(ResponseCode(rawValue: code))".utf8)
        codes[code] = text
        line += text
    }

    /// Appends a name in wire form as text, the same as `Name` makes of it; `-` for none.
    static func appendName(_ wire: [UInt8], to line: inout [UInt8], inJSON: Bool) {
        guard let first = wire.first else { return line.append(UInt8(ascii: "-")) }
        if first == 0 { return line.append(UInt8(ascii: ".")) }
        var position = 0
        while position < wire.count, wire[position] > 0 {
            let end = min(wire.count, position + 1 + Int(wire[position]))
            for byte in wire[(position + 1)..<end] { appendEscaped(byte, to: &line, inJSON: inJSON) }
            line.append(UInt8(ascii: "."))
            position = end
        }
    }

    private static func appendEscaped(_ byte: UInt8, to line: inout [UInt8], inJSON: Bool) {
        let backslash = UInt8(ascii: "\\")
        let isPlain = byte > 0x20 && byte < 0x7F
        switch byte {
        case UInt8(ascii: "."), backslash, UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "@"), UInt8(ascii: "$"):
            line.append(backslash)
            if inJSON { line.append(backslash) }
            if inJSON, byte == backslash || byte == UInt8(ascii: "\"") { line.append(backslash) }
            line.append(byte)
        case _ where isPlain: line.append(byte)
        default:
            line.append(backslash)
            if inJSON { line.append(backslash) }
            append(UInt64(byte), width: 3, to: &line)
        }
    }

    /// Appends a number in decimal digits, at least so many.
    private static func append(_ number: UInt64, width: Int = 1, to line: inout [UInt8]) {
        let start = line.count
        var rest = number
        repeat {
            line.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
            rest /= 10
        } while rest > 0 || line.count - start < width
        line[start...].reverse()
    }
}
