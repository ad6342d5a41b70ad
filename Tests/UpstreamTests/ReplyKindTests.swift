import DNSWire
import Testing

@testable import Upstream

@Suite struct `Kinds of replies` {
    /// A query as a server gets it.
    static let query = FakeQuery(
        bytes: Questions.written(question("www.example.com"), .init(id: 7, letters: 3, hasEDNS: true)), transport: .udp,
        number: 0,
        path: 0)

    @Test(arguments: [ResponseCode.noError, .nxDomain, .yxDomain]) func `answers are final`(_ code: ResponseCode) {
        #expect(ReplyKind.of(Self.query.reply(code)) == .final)
    }

    @Test(arguments: [ResponseCode.servFail, .refused, .notAuth, .badCookie]) func `failures send on`(_ code: ResponseCode) {
        #expect(ReplyKind.of(Self.query.reply(code)) == .failure(code, nil))
    }

    @Test(arguments: [ResponseCode.formErr, .notImp, .badVers]) func `some failures tell of a lack of EDNS`(_ code: ResponseCode)
    {
        #expect(ReplyKind.of(Self.query.reply(code)) == .withoutEDNS(code))
    }

    @Test(arguments: 0...40 as ClosedRange<UInt16>) func `only a verdict makes SERVFAIL final`(_ error: UInt16) {
        let isVerdict = (6...12).contains(error)
        let kind = ReplyKind.of(Self.query.reply(.servFail, errors: [error]))
        #expect(kind == (isVerdict ? .final : .failure(.servFail, ExtendedErrorCode(rawValue: error))))
        #expect(
            ReplyKind.of(Self.query.reply(.servFail, errors: [0, error, 22]))
                == (isVerdict ? .final : .failure(.servFail, .other)))
        #expect(
            ReplyKind.of(Self.query.reply(.refused, errors: [error])) == .failure(.refused, ExtendedErrorCode(rawValue: error)))
    }

    @Test func `a truncated reply is truncated, whatever else it says and however it ends`() {
        let reply = Self.query.reply(.servFail, flags: 0x0200, answers: [[0xC0, 12] + word(1) + word(1)])
        for count in Self.query.questionEnd...reply.count { #expect(ReplyKind.of(Array(reply.prefix(count))) == .truncated) }
    }

    @Test func `an answer that is cut anywhere is broken`() {
        let reply = Self.query.answer()
        #expect(ReplyKind.of(reply) == .final)
        for count in 0..<reply.count { #expect(ReplyKind.of(Array(reply.prefix(count))) == .broken) }
    }

    @Test func `a failure with the query's counts and none of its records is read all the same`() {
        var reply = Array(Self.query.bytes.prefix(Self.query.questionEnd))
        for (code, kind) in [
            (ResponseCode.formErr, ReplyKind.withoutEDNS(.formErr)), (.refused, .failure(.refused, .invalidData)),
            (.servFail, .failure(.servFail, .invalidData)),
        ] {
            reply[2] |= 0x80
            reply[3] = UInt8(code.rawValue)
            #expect(ReplyKind.of(reply) == kind)
        }
    }

    @Test func `a reply with a broken OPT is broken`() {
        var reply = Self.query.reply(errors: [22])
        reply[reply.count - 3] = 9
        #expect(ReplyKind.of(reply) == .broken)
    }
}
