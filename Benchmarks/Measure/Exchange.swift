internal import AnswerCache
internal import DNSWire

/// A question as a client sends it, and the answer as an upstream does.
struct Exchange {
    /// The query.
    private(set) var query: [UInt8]
    /// The reply, with one record.
    private(set) var reply: [UInt8]
    /// The name's wire form.
    let name: [UInt8]

    /// The exchange for a name and a type; with an OPT record in the query where asked for.
    init(_ text: String, _ type: RecordType, edns: Bool = false) {
        name = text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
        let question = name + Self.bytes(type.rawValue) + [0, 1]
        query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0] + question
        if edns { query += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0] }
        let rdata = Self.rdata(type)
        reply = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0] + question
        reply += [0xC0, 12] + Self.bytes(type.rawValue) + [0, 1, 0, 1, 0x51, 0x80]
        reply += Self.bytes(UInt16(rdata.count)) + rdata
    }

    /// Writes a number over the last seven letters of the name's first label, in query and reply: another name of the
    /// same length, without a new exchange.
    mutating func renumber(_ number: Int) {
        var rest = number
        let end = 12 + Int(name[0])
        for position in stride(from: end, to: end - 7, by: -1) {
            let digit = UInt8(0x30 + rest % 10)
            query[position] = digit
            reply[position] = digit
            rest /= 10
        }
    }

    /// A reply in which the name is an alias of another, and that has an address.
    func reply(behind alias: String) -> [UInt8] {
        let target: [UInt8] = alias.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
        var bytes: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + name + [0, 1, 0, 1]
        let place = bytes.count + 12
        bytes += [0xC0, 12, 0, 5, 0, 1, 0, 1, 0x51, 0x80] + Self.bytes(UInt16(target.count)) + target
        return bytes + [0xC0, UInt8(place), 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1]
    }

    /// The key of the question in a cache.
    func key(in cache: MemoryCache) -> CacheKey {
        var view = QueryView()
        guard view.read(query.span, seed: cache.seed) == .query else { Measure.leave("Measure: a query that cannot be read") }
        return CacheKey(&view)
    }

    /// Rdata of a usual size; names in it are pointers to the question, as servers write them.
    private static func rdata(_ type: RecordType) -> [UInt8] {
        switch type {
        case .a: [192, 0, 2, 1]
        case .aaaa: [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        case .https: [0, 1, 0, 0, 1, 0, 6, 2, 0x68, 0x32, 2, 0x68, 0x33]
        case .mx: [0, 10, 4] + Array("mail".utf8) + [0xC0, 12]
        case .ns: [3] + Array("ns1".utf8) + [0xC0, 12]
        default: [11] + Array("v=spf1 -all".utf8)
        }
    }

    private static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
}
