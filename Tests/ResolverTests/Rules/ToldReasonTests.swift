import DNSWire
import TestSupport
import Testing

@testable import Resolver

/// How the reason of a denial goes into an answer of any length.
@Suite struct ToldReasonTests {
    /// The answer within so many bytes to a question with or without OPT: its bytes.
    private static func bytes(
        edns: EDNS? = EDNS(), limit: Int, room: Int = 512,
        _ write: (borrowing QueryView, inout MutableSpan<UInt8>, Int) -> Int
    ) -> [UInt8] {
        let question = Message.query("bad.example.", edns: edns).wire
        var query = QueryView()
        guard query.read(question.span, seed: 7) == .query else { return [] }
        var buffer = question + [UInt8](repeating: 0xEE, count: max(0, room - question.count))
        var span = buffer.mutableSpan
        let count = write(query, &span, limit)
        return Array(buffer[..<count])
    }

    /// A denial with a reason.
    private static func denial(_ action: Denial.Action) -> Denial {
        var denial = Denial(action)
        denial.code = .blocked
        denial.text = "rpz: bad.example"
        return denial
    }

    /// An answer of records alone within so many bytes.
    private static func records(_ limit: Int, room: Int = 512, edns: EDNS? = EDNS()) throws -> Message {
        let answer = bytes(edns: edns, limit: limit, room: room) { query, buffer, limit in
            let records = [ResourceRecord(Name("bad.example.")!, ttl: 10, .a(RecordData.A(address: 0xC000_0201)))]
            return RecordsAnswer(query, buffer.span).write(
                records, Reply(.noError), ToldReason(denial(.nxdomain)), into: &buffer, limit: limit)
        }
        #expect(answer.count <= max(limit, MessageView.headerLength))
        return try Message(answer.span)
    }

    // The question ends at 29, its record at 45, OPT without options at 56, with the code at 62, with the words at 78.
    @Test func `records are told with the words of the reason, with its code alone where those do not fit, or cut off`() throws {
        for limit in 78...90 {
            let answer = try Self.records(limit)
            #expect(answer.answers.count == 1 && answer.edns?.extendedError?.text == "rpz: bad.example")
        }
        for limit in 62..<78 {
            let answer = try Self.records(limit)
            #expect(answer.answers.count == 1 && !answer.flags.isTruncated)
            #expect(answer.edns?.extendedError?.code == .blocked && answer.edns?.extendedError?.text == "", "\(limit)")
        }
        for limit in 46..<62 {
            let answer = try Self.records(limit)
            #expect(answer.answers.isEmpty && answer.flags.isTruncated && answer.edns?.extendedError?.code == .blocked)
        }
        #expect(try Self.records(512, edns: nil).edns == nil)
    }

    @Test func `a message that could not be written is one, without OPT and without a reason`() throws {
        for limit in 12..<46 {
            let answer = try Self.records(limit)
            #expect(answer.responseCode == .servFail && answer.questions.isEmpty && answer.edns == nil, "\(limit)")
        }
        // Nor does the buffer's end make another one.
        #expect(try Self.records(512, room: 77).edns?.extendedError?.text == "")
    }

    @Test func `a denial is told with the words of its reason, or with the code alone where those do not fit`() throws {
        func told(_ limit: Int) throws -> EDNS? {
            let answer = Self.bytes(limit: limit) { query, buffer, limit in
                let end = MessageView.headerLength + query.questionLength
                return ToldDenial(Self.denial(.refuse), to: .a).write(
                    to: query.flags, query.edns, into: &buffer, at: end, limit: limit)
            }
            return try Message(answer.span).edns
        }
        for limit in 62...80 { #expect(try told(limit)?.extendedError?.text == "rpz: bad.example") }
        for limit in 46..<62 {
            let error = try told(limit)?.extendedError
            #expect(error?.code == .blocked && error?.text == "", "\(limit)")
        }
    }
}
