import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Records as they are kept` {
    /// The benchmark's answer, compressed as NSD does; the zone begins at offset 15.
    private func compressed() -> TestReply {
        var reply = TestReply(name: "m1.bench.example")
        reply.add(.answer, "@", .a, 3600, [192, 0, 2, 1])
        reply.add(.answer, "@", .a, 1800, [192, 0, 2, 2])
        return reply
    }

    /// The bytes of a name server's record for the zone at offset 15, and of the server's address after it.
    private func authority(after reply: TestReply) -> [UInt8] {
        let server = reply.bytes.count + 12
        return [0xC0, 15, 0, 2, 0, 1, 0, 0, 14, 16, 0, 5, 2, 0x6E, 0x73, 0xC0, 15]
            + [0xC0, UInt8(server), 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 1]
    }

    /// Stores a message's bytes as the answer to their question, and asks for it.
    private func kept(_ bytes: [UInt8], _ limits: TTLLimits = TTLLimits()) throws -> TestClient.Answer? {
        let client = try TestClient()
        let key = client.key("m1.bench.example")
        client.cache.store(
            key, reply: bytes, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 0),
            limits: limits)
        return try client.ask("m1.bench.example", at: 0)
    }

    @Test func `what an upstream has compressed is kept byte for byte, OPT left out`() throws {
        let reply = compressed()
        var bytes = reply.bytes + authority(after: reply)
        bytes.replaceSubrange(8..<12, with: [0, 1, 0, 2])
        let records = Array(bytes[34...])
        bytes += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        let answer = try #require(try kept(bytes))
        #expect(Array(answer.message[34...]) == records)
        #expect(answer.records.map(\.owner).suffix(2) == ["bench.example", "ns.bench.example"])
        #expect(answer.stored.additionalCount == 1)
    }

    @Test func `bounds of TTLs hold for records that stay as they stand`() throws {
        #expect(try kept(compressed().bytes, TTLLimits(minimumSeconds: 2000, maximumSeconds: 3000))?.ttls == [3000, 2000])
    }

    @Test func `records after an OPT are kept, and names in them still lead to the right place`() throws {
        var reply = compressed()
        reply.add(.additional, "", .opt, 0, [0, 10, 0, 2, 1, 2])
        let at = UInt8(reply.bytes.count)
        reply.add(.additional, "ns.Other.example", .a, 300, [127, 0, 0, 1])
        var bytes = reply.bytes
        bytes[11] = 3
        bytes += [0xC0, at, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 2]
        let answer = try #require(try kept(bytes))
        #expect(answer.records.map(\.owner).suffix(2) == ["ns.Other.example", "ns.Other.example"])
        #expect(answer.records.map(\.type) == [.a, .a, .a, .a])
    }

    @Test func `a name that leads through another record's TTL is written out, for the TTL changes`() throws {
        // A TTL that reads as a label and a pointer to the question, and an owner and a server that point to it.
        var reply = TestReply(name: "m1.bench.example")
        reply.add(.answer, "@", .a, 0x0178_C00C, [192, 0, 2, 1])
        let place = UInt8(reply.bytes.count - 10)
        for (rdata, isOwner) in [([127, 0, 0, 1], true), ([2, 0x6E, 0x73, 0xC0, place], false)] as [([UInt8], Bool)] {
            var bytes = reply.bytes
            bytes[9] = 1
            bytes += (isOwner ? [0xC0, place, 0, 1] : [0xC0, 15, 0, 2]) + [0, 1, 0, 0, 14, 16, 0, UInt8(rdata.count)] + rdata
            let client = try TestClient()
            client.cache.store(
                client.key("m1.bench.example"), reply: bytes, from: Provenance(upstream: 1, transport: .udp),
                at: BootSeconds(rawValue: 0), limits: TTLLimits(maximumSeconds: TTLLimits.largest))
            let answer = try #require(try client.ask("m1.bench.example", at: 5))
            let last = try #require(answer.records.last)
            if isOwner {
                #expect(last.owner == "x.m1.bench.example")
            } else {
                #expect(last.rdata == TestReply.wire("ns.x.m1.bench.example"))
            }
        }
    }

    @Test func `more records than are noted on the way are kept all the same`() throws {
        var reply = compressed()
        for number in 0..<50 { reply.add(.answer, "@", .a, 100 + UInt32(number), [192, 0, 2, UInt8(number)]) }
        let answer = try #require(try kept(reply.bytes, TTLLimits(minimumSeconds: 120)))
        #expect(answer.records.count == 52)
        #expect(answer.ttls == [3600, 1800] + (100..<150).map { max(120, UInt32($0)) })
    }

    @Test func `a signature of the message is left out and its TTL of 0 does not count`() throws {
        var reply = compressed()
        reply.add(.additional, "key", RecordType(rawValue: 250), 0, [0])
        let answer = try #require(try kept(reply.bytes))
        #expect(answer.records.count == 2)
    }

    @Test func `an owner that points to a copy of the question's name becomes a pointer to the question`() throws {
        var reply = compressed()
        let at = UInt8(reply.bytes.count)
        reply.add(.answer, "m1.bench.example", .a, 300, [192, 0, 2, 3])
        var bytes = reply.bytes + [0xC0, at, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 4]
        bytes[7] = 4
        #expect(try kept(bytes)?.stored.length == 4 * 16)
    }

    @Test func `names that may not be compressed are written out`() throws {
        var reply = compressed()
        reply.add(.additional, "@", .srv, 300, [0, 1, 0, 1, 0, 53, 1, 0x74, 0xC0, 15])
        let answer = try #require(try kept(reply.bytes))
        #expect(answer.records.last?.rdata == [0, 1, 0, 1, 0, 53] + TestReply.wire("t.bench.example"))
    }

    @Test func `a name in rdata that is broken is malformed however it is compressed`() throws {
        for broken in [[0xC0, 200], [3, 0x61], [0x40, 0], [0xC0]] as [[UInt8]] {
            var reply = compressed()
            reply.add(.authority, "bench.example", .ns, 300, broken)
            #expect(try TestClient().store(reply, at: 0) == .notKept(.malformed))
        }
    }
}
