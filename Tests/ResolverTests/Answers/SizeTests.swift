import DNSWire
import TestSupport
import Testing

@testable import Resolver

/// How long answers may be, and what becomes of those that are longer.
@Suite struct SizeTests {
    /// Upstream's answer: an RRset of addresses, and as additional records addresses of the other family.
    private static func large(_ query: Message, answers: Int, ttl: UInt32, additional: Int = 0) -> Message {
        let name = query.questions[0].name
        var reply = Message.reply(to: query)
        reply.answers = (0..<answers).map { ResourceRecord(name, ttl: ttl, .a(RecordData.A(address: 0x0A01_0000 + UInt32($0)))) }
        reply.additionals = (0..<additional).map {
            ResourceRecord(name, ttl: ttl, .aaaa(RecordData.AAAA(high: 0x2001_0DB8_0000_0000, low: UInt64($0))))
        }
        return reply
    }

    @Test(arguments: [300, 0] as [UInt32])
    func `an answer is never longer than the client takes, and loses whole RRsets with TC`(_ ttl: UInt32) throws {
        try ResolverWorld.run { world throws in
            // 12 + 17 + 60 × 16 bytes, and OPT.
            world.upstream.answer = { Self.large($0, answers: 60, ttl: ttl) }
            for (size, fits) in [
                (nil, false), (100, false), (512, false), (988, false), (1000, true), (1232, true), (65_535, true),
            ]
                as [(UInt16?, Bool)]
            {
                for _ in 0..<2 {
                    let edns = size.map { EDNS(udpPayloadSize: $0) }
                    let bytes = try #require(world.exchange(Message.query("www.example.", edns: edns).wire))
                    #expect(bytes.count <= min(1232, max(512, Int(size ?? 512))))
                    let answer = try Message(bytes.span)
                    #expect(answer.flags.isTruncated == !fits && answer.answers.count == (fits ? 60 : 0))
                    #expect((answer.edns != nil) == (size != nil))
                    #expect(answer.responseCode == .noError)
                }
            }
        }
    }

    @Test(arguments: [300, 0] as [UInt32])
    func `no datagram is longer than 1232 bytes, whatever the client takes`(_ ttl: UInt32) throws {
        try ResolverWorld.run { world throws in
            for count in [70, 76, 80, 250, 600, 3000] {
                world.upstream.answer = { Self.large($0, answers: count, ttl: ttl) }
                for size: UInt16 in [512, 4096, 65_535] {
                    let query = Message.query("n\(count).example.", edns: EDNS(udpPayloadSize: size))
                    let bytes = try #require(world.exchange(query.wire))
                    let answer = try Message(bytes.span)
                    #expect(bytes.count <= 1232 && answer.answers.count == (bytes.count > 600 ? count : 0))
                    #expect(answer.flags.isTruncated == answer.answers.isEmpty)
                }
                let whole = try world.ask("n\(count).example.", streams: true)
                #expect(whole.answers.count == count && !whole.flags.isTruncated)
            }
        }
    }

    @Test(arguments: [300, 0] as [UInt32])
    func `additional records that do not fit are left out without TC`(_ ttl: UInt32) throws {
        try ResolverWorld.run(policy: { $0.hasMinimalResponses = false }) { world throws in
            world.upstream.answer = { Self.large($0, answers: 20, ttl: ttl, additional: 20) }
            let answer = try world.ask("www.example.")
            #expect(answer.answers.count == 20 && !answer.flags.isTruncated && answer.additionals.count < 20)
            #expect(try world.ask("www.example.", streams: true).additionals.count == 20)
        }
    }

    @Test func `an answer of nearly 64 KiB reaches a stream's client whole, with and without OPT`() throws {
        try ResolverWorld.run { world throws in
            for (count, ttl) in [(4090, 300), (4093, 300), (4093, 0)] as [(Int, UInt32)] {
                world.upstream.answer = { Self.large($0, answers: count, ttl: ttl) }
                for edns in [nil, EDNS()] {
                    for _ in 0..<2 {
                        let answer = try world.ask("n\(count)-\(ttl).example.", edns: edns, streams: true)
                        #expect(answer.answers.count == count || (answer.flags.isTruncated && edns != nil))
                    }
                }
            }
        }
    }
}
