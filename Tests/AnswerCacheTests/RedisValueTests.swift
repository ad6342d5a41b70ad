import DNSWire
import Testing

@testable import AnswerCache

@Suite struct `Values in Redis` {
    static let origin = RedisValue.Origin(upstream: "tcp://192.0.2.53:53", transport: .tcp)
    static let now: Int64 = 1_700_000_000_000

    /// A key for a test's question.
    private func key(_ name: String, _ type: RecordType = .a) -> CacheKey {
        CacheKey(
            TestReply.fixed(name), type, .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false), seed: 1)
    }

    private func make(_ reply: TestReply, limits: TTLLimits = TTLLimits()) -> RedisValue? {
        RedisValue(key(reply.name, reply.type), reply: reply.bytes, origin: Self.origin, limits: limits, at: Self.now)
    }

    /// The name that a message answers.
    private func question(_ message: [UInt8]) throws -> String? {
        guard let question = try MessageView(message.span).question() else { return nil }
        return Name(question.name).description.lowercased()
    }

    /// The TTLs of a message, OPT apart.
    private func ttls(_ message: [UInt8]) throws -> [UInt32] {
        var found: [UInt32] = []
        var records = try MessageView(message.span).records()
        while let record = try records.next() { found.append(record.ttl) }
        return found
    }

    @Test func `an answer comes back with its TTLs counted down, and no letters of the one who asked`() throws {
        var reply = TestReply.addresses("wWw.eXample", ttls: [300, 400])
        reply.add(.additional, "", .opt, 0, [])
        let value = try #require(make(reply))
        #expect(value.expiresAt == Self.now + 300_000)
        guard case .answer(let message) = RedisValue.read(value.bytes, key("www.example"), at: Self.now + 12_900) else {
            Issue.record("not read")
            return
        }
        #expect(try ttls(message) == [288, 388])
        #expect(try question(message) == "www.example.")
        let seen = try #require(RedisValue.inspect(value.bytes))
        #expect(seen.origin == Self.origin)
        #expect(seen.storedAt == Self.now)
    }

    @Test func `a negative answer keeps its rcode and is bound by the SOA`() throws {
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 120)
        let value = try #require(make(reply))
        #expect(value.expiresAt == Self.now + 120_000)
        guard case .answer(let message) = RedisValue.read(value.bytes, key("no.example"), at: Self.now + 20_000) else {
            Issue.record("not read")
            return
        }
        #expect(try MessageView(message.span).flags.responseCode == .nxDomain)
        #expect(try ttls(message) == [100])
    }

    @Test func `an answer whose time is over is none`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(RedisValue.read(value.bytes, key("www.example"), at: Self.now + 300_000) == .expired)
        #expect(RedisValue.read(value.bytes, key("www.example"), at: Self.now + 299_999) != .expired)
    }

    @Test func `an answer to another question is refused`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(RedisValue.read(value.bytes, key("ww2.example"), at: Self.now) == .invalid)
        #expect(RedisValue.read(value.bytes, key("www.example", .aaaa), at: Self.now) == .invalid)
    }

    @Test func `a clock far ahead of ours is not believed, one slightly ahead makes no age`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(RedisValue.read(value.bytes, key("www.example"), at: Self.now - 60_000) == .invalid)
        guard case .answer(let message) = RedisValue.read(value.bytes, key("www.example"), at: Self.now - 5_000) else {
            Issue.record("not read")
            return
        }
        #expect(try ttls(message) == [300])
    }

    @Test func `failures, referrals and TTL 0 are given to nobody`() {
        #expect(make(TestReply(name: "www.example", rcode: 2)) == nil)
        var referral = TestReply(name: "www.example")
        referral.add(.authority, "example", .ns, 300, TestReply.wire("ns.example"))
        #expect(make(referral) == nil)
        #expect(make(.addresses("www.example", ttls: [0])) == nil)
    }

    @Test func `any damaged byte makes a value worthless`() throws {
        let good = try #require(make(.benchmark("m1.bench.example"))).bytes
        for index in good.indices {
            var bytes = good
            bytes[index] ^= 1 << UInt8(index & 7)
            #expect(RedisValue.read(bytes, key("m1.bench.example"), at: Self.now) == .invalid)
        }
        for count in 0..<good.count {
            #expect(RedisValue.read(Array(good.prefix(count)), key("m1.bench.example"), at: Self.now) == .invalid)
        }
    }

    @Test func `values with a right checksum around anything at all do no harm`() throws {
        let good = try #require(make(.benchmark("m1.bench.example"))).bytes
        var numbers = SeededNumbers(seed: 4)
        var answers = 0
        for _ in 0..<5_000 {
            var bytes = Array(good.dropLast(8))
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            if Bool.random(using: &numbers) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &numbers)) }
            let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64(56 - 8 * $0)) }
            guard case .answer(let message) = RedisValue.read(bytes, key("m1.bench.example"), at: Self.now) else { continue }
            answers += 1
            #expect(try question(message) == "m1.bench.example.")
        }
        #expect(answers > 25)
    }
}

@Suite struct `Keys in Redis` {
    private func text(_ name: FixedName, _ type: RecordType, _ flags: KeyFlags) -> String {
        String(decoding: RedisKey.text(for: CacheKey(name, type, .internet, flags: flags, seed: 1)), as: UTF8.self)
    }

    @Test func `a key can be read by people`() {
        let none = KeyFlags(dnssecOK: false, checkingDisabled: false)
        let both = KeyFlags(dnssecOK: true, checkingDisabled: true)
        #expect(text(TestReply.fixed("eXample.com"), .a, none) == "vireo:1:example.com.:A:IN")
        #expect(
            text(TestReply.fixed("example.com"), RecordType(rawValue: 4711), both) == "vireo:1:example.com.:TYPE4711:IN:do:cd")
        #expect(text(FixedName(), .ns, none) == "vireo:1:.:NS:IN")
    }

    @Test func `any name makes a key that is read back`() throws {
        var numbers = SeededNumbers(seed: 9)
        for _ in 0..<2_000 {
            let labels = (0..<Int.random(in: 0...5, using: &numbers)).map { _ in
                (0..<Int.random(in: 1...12, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            }
            let name = FixedName(try Name(labels: labels))
            let flags = KeyFlags(
                dnssecOK: Bool.random(using: &numbers), checkingDisabled: Bool.random(using: &numbers))
            let key = RedisKey.text(for: CacheKey(name, .aaaa, .internet, flags: flags, seed: 1))
            let parts = try #require(RedisKey.parse(key))
            #expect(parts == RedisKey.Parts(name: Name(name), type: .aaaa, class: .internet, flags: flags))
            #expect(String(decoding: key, as: UTF8.self).hasPrefix("vireo:1:\(Name(name)):AAAA"))
        }
    }

    @Test(arguments: [
        "vireo:1:epoch", "vireo:1:flushed:x1", "vireo:2:a.:A:IN", "vireo:1:a:A:IN", "vireo:1:a.:Q:IN", "vireo:1:", "",
    ])
    func `what is no answer's key is told`(_ text: String) {
        #expect(RedisKey.parse(Array(text.utf8)) == nil)
    }

    @Test func `a subtree is a name and what is below it, whatever its letters`() throws {
        let star = try Name(labels: [Array("*[a-z]?^".utf8), Array("Example".utf8)])
        let pattern = String(decoding: RedisKey.pattern(.subtree(star)), as: UTF8.self)
        #expect(pattern == #"vireo:1:*\*\[a\-z\]\?\^.example.:*"#)
        let filter = FleetFilter.subtree(Name("example")!)
        for (key, isMeant) in [
            ("vireo:1:example.:A:IN", true), ("vireo:1:a.example.:A:IN", true), ("vireo:1:notexample.:A:IN", false),
            (#"vireo:1:a\.example.:A:IN"#, false), ("vireo:1:example.com.:A:IN", false),
        ] {
            #expect(filter.includes(try #require(RedisKey.parse(Array(key.utf8)))) == isMeant, "\(key)")
        }
    }

    @Test func `a flush is read as it was published`() throws {
        for filter in [FleetFilter.everything, .name(Name("a b.example")!), .subtree(.root), .question(Name("x")!, .aaaa)] {
            let message = FlushMessage(number: "x7", epoch: 12, filter: filter)
            #expect(FlushMessage(Array(message.text.utf8)) == message)
        }
        for text in ["", "x", "x 1", "x y all", "x 1 all more", "x 1 name", "x 1 name a..b", "x 1 some a.", "\u{7F} 1 all"] {
            #expect(FlushMessage(Array(text.utf8)) == nil, "\(text)")
        }
    }
}
