import Belief
import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

/// Asks a cache as the daemon does: reads a query, lets the cache write behind the question, looks at the message.
struct TestClient {
    /// The cache asked.
    let cache: MemoryCache

    /// What came back.
    struct Answer {
        var stored: StoredAnswer
        var records: [TestReply.Record]
        var message: [UInt8]
        /// The TTLs in order.
        var ttls: [UInt32] { records.map(\.ttl) }
    }

    /// A cache of some size with a fixed seed.
    init(sizeBytes: Int = 1 << 20, limits: TTLLimits = TTLLimits()) throws {
        cache = try MemoryCache(sizeBytes: sizeBytes, seed: 0x5EED_0F_CAFE, limits: limits)
    }

    /// The bytes of a query.
    static func query(_ name: String, _ type: RecordType, dnssecOK: Bool, checkingDisabled: Bool) -> [UInt8] {
        var bytes: [UInt8] = [0, 9, 1, checkingDisabled ? 0x10 : 0, 0, 1, 0, 0, 0, 0, 0, dnssecOK ? 1 : 0]
        bytes += TestReply.wire(name) + TestReply.bytes(of16: type.rawValue) + [0, 1]
        if dnssecOK { bytes += [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0] }
        return bytes
    }

    /// Reads a query with the cache's seed.
    func key(
        _ name: String, _ type: RecordType = .a, dnssecOK: Bool = false, checkingDisabled: Bool = false
    ) -> CacheKey {
        var view = QueryView()
        let bytes = Self.query(name, type, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        #expect(view.read(bytes.span, seed: cache.seed) == .query)
        return CacheKey(&view)
    }

    /// Asks; nil for a miss. What does not fit into `room` is asked for again with as much as it takes.
    func ask(
        _ name: String, _ type: RecordType = .a, dnssecOK: Bool = false, checkingDisabled: Bool = false, at now: UInt32,
        room: Int = 1232
    ) throws -> Answer? {
        let query = Self.query(name, type, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        var view = QueryView()
        #expect(view.read(query.span, seed: cache.seed) == .query)
        var buffer = [UInt8](repeating: 0xEE, count: room)
        let start = 12 + view.questionLength
        buffer.replaceSubrange(0..<start, with: query[0..<start])
        var span = buffer.mutableSpan
        switch cache.answer(&view, at: BootSeconds(rawValue: now), into: &span, at: start) {
        case .miss, .stale: return nil
        case .tooLarge(let count):
            #expect(start + count > room)
            return try ask(
                name, type, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled, at: now, room: start + count)
        case .hit(let stored):
            for (index, count) in [1, stored.answerCount, stored.authorityCount, stored.additionalCount].enumerated() {
                span.storeUInt16(count, at: 4 + 2 * index)
            }
            let message = Array(buffer[0..<start + stored.length])
            return Answer(stored: stored, records: try Self.records(of: message), message: message)
        }
    }

    /// Stores a reply as the answer to its own question.
    @discardableResult
    func store(
        _ reply: TestReply, dnssecOK: Bool = false, checkingDisabled: Bool = false, at now: UInt32,
        upstream: UInt16 = 1, limits: TTLLimits? = nil
    ) -> StoreResult? {
        let key = key(reply.name, reply.type, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled)
        let bytes = reply.bytes
        return cache.store(
            key, reply: bytes, from: Provenance(upstream: upstream, transport: .udp),
            at: BootSeconds(rawValue: now), limits: limits)
    }

    /// All records of a message, names in rdata left as they are; the message must end with the last.
    static func records(of message: [UInt8]) throws -> [TestReply.Record] {
        var records: [TestReply.Record] = []
        var cursor = try MessageView(message.span).records()
        while let record = try cursor.next() {
            var rdata = (record.rdataOffset..<record.endOffset).map { message[$0] }
            if let layout = RDataLayout(record.type), layout.fixedBytes == 0, layout.characterStrings == 0 {
                rdata = try expanded(message, record.rdataOffset, names: layout.names, end: record.endOffset)
            }
            records.append(
                TestReply.Record(
                    section: record.section, owner: text(record.owner), type: record.type, ttl: record.ttl, rdata: rdata))
        }
        let hasTail = cursor.hasMoreBytes
        #expect(!hasTail)
        return records
    }

    /// Rdata that begins with names, these written out.
    private static func expanded(_ message: [UInt8], _ start: Int, names: Int, end: Int) throws -> [UInt8] {
        var position = start
        var bytes: [UInt8] = []
        for _ in 0..<names {
            let name = try NameView(message.span, at: position, limit: end)
            bytes += TestReply.wire(text(name))
            position = name.endOffset
        }
        return bytes + message[position..<end]
    }

    /// A name with its letters.
    static func text(_ name: NameView) -> String {
        var labels: [String] = []
        var cursor = name.labels
        while let label = cursor.next() {
            labels.append(String(decoding: label.indices.map { label[$0] }, as: UTF8.self))
        }
        return labels.joined(separator: ".")
    }
}
