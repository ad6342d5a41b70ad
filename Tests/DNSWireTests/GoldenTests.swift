import DNSWire
import Testing

@Suite struct GoldenTests {
    /// Text without white space and quotes, which may differ.
    static func squeezed(_ text: String) -> String { String(text.filter { !$0.isWhitespace && $0 != "\"" }) }

    @Test func `answers of a real server read as dig reads them`() throws {
        for golden in try GoldenAnswer.all() {
            let message = try Message(golden.answer.span)
            let records = message.answers + message.authorities + message.additionals
            #expect(records.count == golden.records.count, "\(golden.question)")
            for (record, line) in zip(records, golden.records) {
                if case .unknown = record.data {
                    #expect(line.hasPrefix("\(record.owner)"))
                } else {
                    #expect(try ResourceRecord(text: line) == record, "\(line)")
                    #expect(Self.squeezed(line) == Self.squeezed(record.description))
                }
            }
        }
    }

    @Test func `answers of a real server survive writing and reading`() throws {
        for golden in try GoldenAnswer.all() {
            let message = try Message(golden.answer.span)
            let written = try message.encoded()
            #expect(try Message(written.span) == message, "\(golden.question)")
            // Names in types that are only kept as bytes are not compressed again: MINFO's, here.
            let slack = golden.question.hasSuffix("MINFO") ? 32 : 0
            #expect(written.count <= golden.answer.count + slack, "no worse than NSD: \(golden.question)")
        }
    }

    @Test func `records copied one by one make the same message`() throws {
        for golden in try GoldenAnswer.all() {
            var buffer = [UInt8](repeating: 0xAA, count: 4096)
            let view = try MessageView(golden.answer.span)
            var builder = MessageBuilder(buffer.mutableSpan, id: view.id, flags: view.flags)
            let question = try #require(try Message(golden.answer.span).questions.first)
            try builder.appendQuestion(question.name.view, question.type, question.class)
            var records = try view.records()
            while let record = try records.next() { try builder.append(record, to: record.section) }
            let count = builder.count
            buffer.removeLast(buffer.count - count)
            #expect(try Message(buffer.span) == Message(golden.answer.span), "\(golden.question)")
        }
    }

    @Test func `queries read in place say the same as the whole message`() throws {
        var view = QueryView()
        for golden in try GoldenAnswer.all() {
            #expect(view.read(golden.query.span, seed: 1) == .query)
            let message = try Message(golden.query.span)
            let question = try #require(message.questions.first)
            #expect(Name(view.name) == question.name && view.type == question.type && view.class == question.class)
            #expect(view.edns?.dnssecOK == message.edns?.dnssecOK)
        }
    }

    @Test func `every record of the zone file reads as its server sent it`() throws {
        let answers = try GoldenAnswer.all()
        var compared = 0
        for line in try resource("wire/types.zone").split(separator: "\n") {
            guard let record = try? ResourceRecord(text: String(line)) else {
                let isFree = ["RP", "MINFO", "AFSDB", "HINFO", "LOC"].contains { line.contains(" IN \($0) ") }
                #expect(isFree, "not read: \(line)")
                continue
            }
            // NSD answers no questions for NSEC3, whose owners are hashes and not names.
            guard record.type != .nsec3, let golden = answers.first(where: { $0.question == "\(record.owner) \(record.type)" })
            else { continue }
            let found = try Message(golden.answer.span)
            #expect((found.answers + found.authorities).contains(record), "\(line)")
            compared += 1
        }
        #expect(compared >= 28)
    }
}
