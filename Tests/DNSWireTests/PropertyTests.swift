import DNSWire
import TestSupport
import Testing

@Suite struct PropertyTests {
    @Test(arguments: 0..<4) func `what is written is read as the same message`(shard: Int) throws {
        var messages = RandomMessages(seed: 2026 + UInt64(shard))
        for _ in 0..<Sanitizer.rounds(5_000) {
            let message = messages.message()
            let written = try message.encoded()
            try #require(try Message(written.span) == message, "\(message)")
        }
    }

    @Test(arguments: 0..<RandomMessages.kinds) func `data of each kind prints as text that reads as the same`(kind: Int) throws {
        var messages = RandomMessages(seed: 77 + UInt64(kind))
        for _ in 0..<200 {
            let record = messages.record(kind)
            let text = record.description
            try #require(try ResourceRecord(text: text) == record, "\(text)")
            // Every type can be written as bytes, too (RFC 3597 5).
            let generic = try genericText(record)
            try #require(try ResourceRecord(text: generic) == record, "\(generic)")
        }
    }

    /// A record with its rdata as `\# length hex`.
    private func genericText(_ record: ResourceRecord) throws -> String {
        var message = Message()
        // Alone in its message, a root owner leaves names nothing to point to but each other, which few rdata have.
        message.answers = [ResourceRecord(.root, ttl: 0, record.data)]
        let view = try message.encoded()
        let data = try expanded(view)
        return "\(record.owner) \(record.ttl) IN \(record.type) \(RecordData.Unknown(type: record.type, bytes: data))"
    }

    /// The rdata of a message's first record with all its names written out.
    private func expanded(_ message: [UInt8]) throws -> [UInt8] {
        var records = try MessageView(message.span).records()
        guard let record = try records.next() else { return [] }
        return try record.expandedRData()
    }

    @Test func `a message cut anywhere is refused`() throws {
        for golden in try GoldenAnswer.all().prefix(30) {
            for count in 0..<golden.answer.count {
                let cut = Array(golden.answer[..<count])
                #expect(throws: WireError.self) { _ = try Message(cut.span) }
            }
        }
    }
}
