import Belief
import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Records as they are kept` {
    /// The benchmark's answer, compressed as NSD does; the zone begins at offset 15.
    private func compressed() -> TestReply {
        var reply = TestReply(name: "m1.bench.example")
        reply.add(.answer, "@", .a, 3600, [192, 0, 2, 1])
        reply.add(.answer, "@", .a, 3600, [192, 0, 2, 2])
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
            limits: limits, isMinimal: false)
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
        #expect(try kept(compressed().bytes, TTLLimits(maximumSeconds: 3000))?.ttls == [3000, 3000])
    }

    @Test func `records after an OPT are kept, and names in them still lead to the right place`() throws {
        var reply = compressed()
        reply.add(.additional, "", .opt, 0, [0, 10, 0, 2, 1, 2])
        let at = UInt8(reply.bytes.count)
        reply.add(.additional, "ns.Other.example", .a, 3600, [127, 0, 0, 1])
        var bytes = reply.bytes
        bytes[11] = 3
        bytes += [0xC0, at, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 2]
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
            bytes +=
                (isOwner ? [0xC0, place, 0, 1] : [0xC0, 15, 0, 2]) + [0, 1, 1, 0x78, 0xC0, 0x0D, 0, UInt8(rdata.count)] + rdata
            let client = try TestClient()
            client.cache.store(
                client.key("m1.bench.example"), reply: bytes, from: Provenance(upstream: 1, transport: .udp),
                at: BootSeconds(rawValue: 0), limits: TTLLimits(maximumSeconds: TTLLimits.largest), isMinimal: false)
            let answer = try #require(try client.ask("m1.bench.example", at: 5))
            let last = try #require(answer.records.last)
            if isOwner {
                #expect(last.owner == "x.m1.bench.example")
            } else {
                #expect(last.rdata == TestReply.wire("ns.x.m1.bench.example"))
            }
        }
    }

    @Test func `a label that reaches over a TTL, wherever it begins, and one that ends in OPT do not stay`() throws {
        // A pointer into the middle of the question's first label, which is the length of a label of 48 bytes there.
        var middle = TestReply(name: "0.example")
        middle.add(.answer, "@", .a, 300, [192, 0, 2, 1])
        let end = UInt8(middle.bytes.count)
        var bytes = middle.bytes + [0xC0, 13, 0, 16, 0, 1, 0, 0, 1, 44, 0, 30] + [UInt8](repeating: 0, count: 30)
        bytes[7] = 2
        #expect(end < 61)
        try expectSteady(bytes, "0.example")

        // Text whose last byte is a label's length, so that the label reaches over the next record's fields and its own TTL.
        var text = TestReply(name: "t.example", type: .txt)
        text.add(.answer, "@", .txt, 300, [3, 0x61, 0x62, 16])
        let place = UInt8(text.bytes.count - 1)
        var own = text.bytes + [0xC0, place, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 0, 0, 0, 0]
        own[11] = 1
        try expectSteady(own, "t.example", .txt)

        // The same over the end of the records, into an OPT that is left out.
        var last = text.bytes + [0xC0, place, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1]
        last[last.count - 17] = 20
        last[11] = 2
        last += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        try expectSteady(last, "t.example", .txt)

        // The root, by a pointer to a byte of a TTL that is zero for now.
        var root = TestReply(name: "r.example")
        root.add(.answer, "@", .a, 0x0001_0000, [192, 0, 2, 1])
        let zero = UInt8(root.bytes.count - 8)
        var pointed = root.bytes + [0xC0, zero, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1]
        pointed[11] = 1
        try expectSteady(pointed, "r.example")
    }

    /// Stores a reply if it can be, and reads the same owners from the answer at once and after a while.
    private func expectSteady(_ bytes: [UInt8], _ name: String, _ type: RecordType = .a) throws {
        let client = try TestClient()
        let key = client.key(name, type)
        let limits = TTLLimits(maximumSeconds: TTLLimits.largest)
        let result = client.cache.store(
            key, reply: bytes, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 0), limits: limits,
            isMinimal: false)
        guard case .stored = result else { return }
        let first = try #require(try client.ask(name, type, at: 0))
        for now: UInt32 in [1, 7, 60] {
            #expect(try client.ask(name, type, at: now)?.records.map(\.owner) == first.records.map(\.owner))
        }
    }

    @Test func `an owner as long as the question's name may be another`() throws {
        var reply = TestReply(name: "www.example")
        reply.add(.answer, "@", .a, 300, [192, 0, 2, 1])
        var bytes = reply.bytes + [3, 0x6E, 0x73, 0x31, 0xC0, 16, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1]
        bytes[11] = 1
        let client = try TestClient()
        client.cache.store(
            client.key("www.example"), reply: bytes, from: Provenance(upstream: 1, transport: .udp),
            at: BootSeconds(rawValue: 0), isMinimal: false)
        let answer = try #require(try client.ask("www.example", at: 0))
        #expect(answer.records.map(\.owner) == ["www.example", "ns1.example"])
        #expect(Array(answer.message[29...]) == Array(bytes[29...]))
    }

    @Test func `more records than are noted on the way are kept all the same`() throws {
        var reply = compressed()
        for number in 0..<50 { reply.add(.answer, "@", .a, 100 + UInt32(number), [192, 0, 2, UInt8(number)]) }
        let answer = try #require(try kept(reply.bytes, TTLLimits(minimumSeconds: 120)))
        #expect(answer.records.count == 52)
        #expect(answer.ttls == [UInt32](repeating: 120, count: 52))
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
        reply.add(.additional, "@", .srv, 3600, [0, 1, 0, 1, 0, 53, 1, 0x74, 0xC0, 15])
        let answer = try #require(try kept(reply.bytes))
        #expect(answer.records.last?.rdata == [0, 1, 0, 1, 0, 53] + TestReply.wire("t.bench.example"))
    }

    @Test func `a name in rdata that is broken is left out, and where it is needed the reply is broken`() throws {
        for broken in [[0xC0, 200], [3, 0x61], [0x40, 0], [0xC0]] as [[UInt8]] {
            var reply = compressed()
            reply.add(.authority, "bench.example", .ns, 3600, broken)
            #expect(try kept(reply.bytes)?.records.count == 2)
            var needed = TestReply(name: "m1.bench.example", type: .ns)
            needed.add(.answer, "@", .ns, 3600, broken)
            #expect(try TestClient().store(needed, at: 0) == nil)
        }
    }
}
