import Belief
import DNSWire
import TestSupport
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

    /// What a test made of a value, with a right checksum behind it.
    private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var checksum = Checksum()
        checksum.add(bytes.span)
        return bytes + (0..<4).map { UInt8(truncatingIfNeeded: checksum.value >> UInt32(24 - 8 * $0)) }
    }

    private func make(_ reply: TestReply) -> RedisValue? {
        let key = key(reply.name, reply.type)
        guard case .answer(let answer) = Belief.read(reply.bytes, to: key.asked, Belief.Rules(seed: 1)) else { return nil }
        return RedisValue(key, answer, origin: Self.origin, at: Self.now)
    }

    /// What reading a value came to.
    private enum Outcome: Equatable {
        case answer([UInt8])
        case expired, invalid
    }

    private func read(_ bytes: [UInt8], _ key: CacheKey, at now: Int64) -> Outcome {
        switch RedisValue.read(bytes, key, Belief.Rules(seed: 1), at: now) {
        case .answer(let answer, _): .answer(answer.message(to: key.asked))
        case .expired: .expired
        case .invalid: .invalid
        }
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
        guard case .answer(let message) = read(value.bytes, key("www.example"), at: Self.now + 12_900) else {
            Issue.record("not read")
            return
        }
        #expect(try ttls(message) == [288, 288])
        #expect(try question(message) == "www.example.")
    }

    @Test func `a negative answer keeps its rcode and is bound by the SOA`() throws {
        let reply = TestReply.negative("no.example", rcode: .nxDomain, zone: "example", soaTTL: 900, minimum: 120)
        let value = try #require(make(reply))
        #expect(value.expiresAt == Self.now + 120_000)
        guard case .answer(let message) = read(value.bytes, key("no.example"), at: Self.now + 20_000) else {
            Issue.record("not read")
            return
        }
        #expect(try MessageView(message.span).flags.responseCode == .nxDomain)
        #expect(try ttls(message) == [100])
    }

    @Test func `an answer whose time is over is none`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(read(value.bytes, key("www.example"), at: Self.now + 300_000) == .expired)
        #expect(read(value.bytes, key("www.example"), at: Self.now + 299_999) != .expired)
    }

    @Test func `who looks at a value sees what it is, where it came from, and it stays in sight when its time is over`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300, 400])))
        let parts = RedisKey.Parts(
            name: Name("www.example")!, type: .a, class: .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false))
        let fresh = try #require(RedisValue.inspect(value.bytes, parts, at: Self.now + 100_000))
        #expect(fresh.origin == Self.origin)
        #expect(fresh.ageSeconds == 100 && fresh.lifetimeSeconds == 300 && !fresh.isExpired && !fresh.isNegative)
        #expect(try ttls(fresh.message) == [200, 200])
        let stale = try #require(RedisValue.inspect(value.bytes, parts, at: Self.now + 350_000))
        #expect(stale.isExpired)
        #expect(try ttls(stale.message) == [0, 0])
        var other = parts
        other.type = .aaaa
        #expect(RedisValue.inspect(value.bytes, other, at: Self.now) == nil)
        #expect(RedisValue.inspect([], parts, at: Self.now) == nil)
    }

    @Test func `an upstream's name that would do something to a terminal is not shown`() throws {
        let bytes = try #require(make(.addresses("www.example", ttls: [300]))).bytes
        let parts = RedisKey.Parts(
            name: Name("www.example")!, type: .a, class: .internet, flags: KeyFlags(dnssecOK: false, checkingDisabled: false))
        var evil = Array(bytes.dropLast(4))
        evil[25] = 0x1B
        #expect(RedisValue.inspect(Self.sealed(evil), parts, at: Self.now)?.origin.upstream == "")
    }

    @Test func `an answer to another question is refused`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(read(value.bytes, key("ww2.example"), at: Self.now) == .invalid)
        #expect(read(value.bytes, key("www.example", .aaaa), at: Self.now) == .invalid)
    }

    @Test func `a clock far ahead of ours is not believed, one slightly ahead makes no age`() throws {
        let value = try #require(make(.addresses("www.example", ttls: [300])))
        #expect(read(value.bytes, key("www.example"), at: Self.now - 60_000) == .invalid)
        guard case .answer(let message) = read(value.bytes, key("www.example"), at: Self.now - 5_000) else {
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
            #expect(read(bytes, key("m1.bench.example"), at: Self.now) == .invalid)
        }
        for count in 0..<good.count {
            #expect(read(Array(good.prefix(count)), key("m1.bench.example"), at: Self.now) == .invalid)
        }
    }

    @Test func `values with a right checksum around anything at all do no harm`() throws {
        let good = try #require(make(.benchmark("m1.bench.example"))).bytes
        var numbers = SeededNumbers(seed: 4)
        var answers = 0
        for _ in 0..<5_000 {
            var bytes = Array(good.dropLast(4))
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            if Bool.random(using: &numbers) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &numbers)) }
            bytes = Self.sealed(bytes)
            guard case .answer(let message) = read(bytes, key("m1.bench.example"), at: Self.now) else {
                continue
            }
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

    @Test func `the pattern of a listing keeps its own wildcards and escapes all else`() {
        let pattern = String(decoding: RedisKey.pattern(beginning: Array(#"*.a[b]\.?-c"#.utf8)), as: UTF8.self)
        #expect(pattern == #"vireo:1:*.a\[b\]\\.?\-c*"#)
        #expect(RedisKey.pattern(beginning: []) == Array("vireo:1:*".utf8))
    }

    @Test func `a flush is read as it was published`() throws {
        for filter in [
            FleetFilter.everything, .name(Name("a b.example")!), .subtree(.root), .question(Name("x")!, .aaaa),
            .pattern(NamePattern("*.a b.example")!, nil), .pattern(NamePattern("W?*.example")!, .mx),
            .upstream(UpstreamMatch("tcp://[2001:db8::1]:5353")!), .answers(AddressPrefix("192.0.2.7/24")!),
            .answers(AddressPrefix("2001:db8::/33")!), .answers(AddressPrefix("::1")!),
        ] {
            let message = FlushMessage(number: "x7", previous: 0, epoch: 12, filter: filter)
            #expect(FlushMessage(Array(message.text.utf8)) == message, "\(message.text)")
        }
        for text in [
            "", "x", "x 0 1", "x 0 y all", "x 0 1 all more", "x 0 1 name", "x 0 1 name a..b", "x 0 1 some a.", "\u{7F} 0 1 all",
            "x 1 all", "x 0 1 upstream nobody", "x 0 1 upstream a b", "x 0 1 answer-in 192.0.2.0/40", "x 0 1 question A",
        ] {
            #expect(FlushMessage(Array(text.utf8)) == nil, "\(text)")
        }
    }
}

@Suite struct `Upstreams by name` {
    @Test(arguments: [
        ("192.0.2.53", "192.0.2.53:53", true), ("192.0.2.53", "tcp://192.0.2.53:53", true),
        ("192.0.2.53", "192.0.2.53:5353", false), ("192.0.2.53:5353", "tcp://192.0.2.53:5353", true),
        ("tcp://192.0.2.53", "tcp://192.0.2.53:53", true), ("tcp://192.0.2.53", "192.0.2.53:53", false),
        ("2001:db8::1", "[2001:db8::1]:53", true), ("[2001:db8:0::1]:53", "tcp://[2001:db8::1]:53", true),
        ("192.0.2.53", "192.0.2.5:53", false), ("192.0.2.53", "", false),
        ("tls://192.0.2.53:853#dns.example", "tls://192.0.2.53:853#dns.example", true),
        ("192.0.2.53:853", "tls://192.0.2.53:853#dns.example", true),
        ("https://dns.example:443/...", "https://dns.example:443/...", true),
        ("https://dns.example:443/...", "https://dns.example:443/dns-query", false),
        ("https://dns.example:443/...", "192.0.2.53:53", false),
    ])
    func `a text means the upstreams at an address, or one of them`(_ text: String, _ upstream: String, isMeant: Bool) throws {
        #expect(try #require(UpstreamMatch(text)).includes(upstream) == isMeant)
    }

    @Test(arguments: ["", "nobody", "192.0.2", "192.0.2.53 ", "tcp://", "tls://", "tcp://nobody", "192.0.2.53:99999", "a\u{1B}b"])
    func `what is no upstream's address is refused`(_ text: String) {
        #expect(UpstreamMatch(text) == nil)
    }

    @Test func `upstreams of other instances get numbers that stay, as many as can be remembered`() {
        let upstreams = ForeignUpstreams()
        let first = upstreams.number(of: "192.0.2.53:53")
        #expect(first >= 0x8000)
        #expect(upstreams.number(of: "192.0.2.54:53") != first)
        #expect(upstreams.number(of: "192.0.2.53:53") == first)
        #expect(upstreams.number(of: "") == .max)
        #expect(upstreams.number(of: "a\u{1B}b") == .max)
        for number in 0..<2_000 { _ = upstreams.number(of: "n\(number)") }
        #expect(upstreams.number(of: "one more") == .max)
        #expect(upstreams.namesByNumber.count == 1_000)
        #expect(upstreams.namesByNumber[first] == "192.0.2.53:53")
        #expect(upstreams.name(of: first) == "192.0.2.53:53")
        #expect(upstreams.name(of: .max) == nil && upstreams.name(of: 0) == nil)
    }
}
