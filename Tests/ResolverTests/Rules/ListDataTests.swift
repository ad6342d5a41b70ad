import DNSWire
import NameRules
import Testing
import Upstream

@testable import Resolver

/// Records of lists: what they answer, and that it is told whose they are.
@Suite struct ListDataTests {
    /// A book of a policy zone, whose lines follow.
    private static func book(_ lines: String..., others: [(name: String, text: String)] = []) throws -> RuleBook {
        let zone = "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n" + lines.joined(separator: "\n") + "\n"
        return try RuleTests.book([("rpz", zone)] + others)
    }

    /// The data of an answer.
    private static func data(_ answer: Message) -> [String] { answer.answers.map { "\($0.data)" } }

    /// What an answer says of why it is so.
    private static func reason(_ answer: Message) -> String {
        answer.edns?.extendedError.map { "\($0.code.rawValue) \($0.text)" } ?? ""
    }

    /// An upstream that has `walled.example` at 198.51.100.9 and all else at an address, an alias before names in `shop`.
    private static func upstream(_ address: String) -> (Message) -> Message? {
        { query in
            let name = query.questions[0].name
            guard query.questions[0].type == .a else { return .reply(to: query, .noError, ["\(name) 300 IN TXT x"]) }
            switch "\(name)".lowercased() {
            case "walled.example.": return .reply(to: query, .noError, ["\(name) 300 IN A 198.51.100.9"])
            case let text where text.hasPrefix("shop."):
                return .reply(
                    to: query, .noError, ["\(name) 300 IN CNAME t.tracker.example.", "t.tracker.example. 60 IN A \(address)"])
            default: return .reply(to: query, .noError, ["\(name) 300 IN A \(address)"])
            }
        }
    }

    @Test func `records of a list say which list and rule they are, and are counted for it`() throws {
        let book = try Self.book(
            "data.example 60 A 192.0.2.7", "data.example TXT x", "*.alias.example 50 CNAME walled.example.",
            others: [("hosts", "192.0.2.8 nas.example\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream("203.0.113.1")
            for (name, type, data, reason) in [
                ("data.example", RecordType.a, ["192.0.2.7"], "4 rpz: data.example"),
                ("data.example", .txt, ["\"x\""], "4 rpz: data.example"), ("data.example", .mx, [], "4 rpz: data.example"),
                ("x.alias.example", .a, ["walled.example.", "198.51.100.9"], "4 rpz: alias.example"),
                ("x.alias.example", .cname, ["walled.example."], "4 rpz: alias.example"),
                ("nas.example", .a, ["192.0.2.8"], "4 hosts: nas.example"), ("other.example", .a, ["203.0.113.1"], ""),
            ] {
                let answer = try world.ask(name, type, edns: EDNS())
                #expect(Self.data(answer) == data && Self.reason(answer) == reason, "\(name) \(type)")
                #expect(answer.responseCode == .noError && answer.authorities.map(\.type) == (data.isEmpty ? [.soa] : []))
                // No OPT, no reason; and room for the records goes before it.
                #expect(Self.data(try world.ask(name, type)) == data, "\(name) \(type)")
            }
            #expect(book.hits.all[0] == 10 && book.hits.all[1] == 2)
        }
    }

    @Test(arguments: [
        ("24.0.2.0.192.rpz-ip", "bad.example", ["walled.example.", "198.51.100.9"], "4 rpz: 192.0.2.0/24"),
        ("*.tracker.example", "shop.example", ["walled.example.", "198.51.100.9"], "4 rpz: tracker.example"),
    ])
    func `an alias of a list is followed in place of an answer that the list denies`(
        _ owner: String, _ name: String, _ data: [String], _ reason: String
    ) throws {
        let book = try Self.book("\(owner) 50 CNAME walled.example.")
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream("192.0.2.66")
            // When it comes, and from the cache.
            for count in 1...3 {
                let answer = try world.ask(name, edns: EDNS())
                #expect(Self.data(answer) == data && answer.answers.map(\.ttl) == [50, 300])
                #expect(Self.reason(answer) == reason)
                #expect(book.hits.all[0] == count && world.upstream.count == 2)
            }
        }
    }

    @Test func `several records of one prefix are told together`() throws {
        let book = try Self.book(
            "24.0.2.0.192.rpz-ip A 198.51.100.1", "24.0.2.0.192.rpz-ip A 198.51.100.2", "24.0.2.0.192.rpz-ip AAAA 2001:db8::9")
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream("192.0.2.66")
            for _ in 0..<2 {
                let answer = try world.ask("bad.example", edns: EDNS())
                #expect(Self.data(answer) == ["198.51.100.1", "198.51.100.2"] && Self.reason(answer) == "4 rpz: 192.0.2.0/24")
            }
        }
    }

    @Test func `in a zone a rule for the name goes before one for an address, and the first zone goes before both`() throws {
        let second = "$ORIGIN two.\n@ SOA a. b. 1 2 3 4 5\npass.example CNAME rpz-passthru.\nbad.example CNAME .\n"
        let book = try Self.book(
            "24.0.2.0.192.rpz-ip CNAME .", "fine.example CNAME rpz-passthru.", "*.fine.example CNAME *.",
            others: [("two", second)])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            world.upstream.answer = Self.upstream("192.0.2.66")
            for _ in 0..<2 {
                #expect(Self.data(try world.ask("fine.example")) == ["192.0.2.66"])
                #expect(Self.data(try world.ask("x.fine.example")).isEmpty)
                // What the second zone lets pass the first denies for its address.
                let pass = try world.ask("pass.example", edns: EDNS())
                #expect(pass.responseCode == .nxDomain && Self.reason(pass) == "15 rpz: 192.0.2.0/24")
                #expect(Self.reason(try world.ask("bad.example", edns: EDNS())) == "15 two: bad.example")
            }
        }
    }
}
