import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// Questions for ANY: one RRset of the answer over UDP (RFC 8482), all of it over TCP.
@Suite struct AnyTests {
    private static let records = [
        "www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2",
        "www.example. 300 IN RRSIG A 13 2 300 20380101000000 20260101000000 1 example. AAAA",
        "www.example. 300 IN MX 10 mail.example.", "www.example. 300 IN TXT \"many words\"",
        "www.example. 300 IN RRSIG TXT 13 2 300 20380101000000 20260101000000 1 example. AAAA",
    ]

    @Test(arguments: [300, 0] as [UInt32]) func `over UDP it is the first RRset, with its signatures, over TCP everything`(
        _ ttl: UInt32
    ) throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                .reply(to: query, .noError, Self.records.map { $0.replacing(" 300 IN", with: " \(ttl) IN") })
            }
            for _ in 0..<2 {
                let signed = try world.ask("www.example.", .any, edns: EDNS(dnssecOK: true))
                #expect(signed.answers.map(\.type) == [.a, .a, .rrsig] && !signed.flags.isTruncated)
                #expect(signed.authorities.isEmpty && signed.additionals.isEmpty && signed.edns != nil)
                let plain = try world.ask("www.example.", .any)
                #expect(
                    plain.answers.count { $0.type == .a } == 2 && plain.answers.allSatisfy { $0.type == .a || $0.type == .rrsig })
                let whole = try world.ask("www.example.", .any, streams: true)
                #expect(Set(whole.answers.map(\.type)).isSuperset(of: [.a, .mx, .txt]))
            }
        }
    }

    @Test func `what does not exist is said with its proof, an alias is the alias, and the hosts file gives one set too`() throws
    {
        try ResolverWorld.run {
            $0.hosts = HostsTable.load(Array("192.0.2.7 printer.home\n2001:db8::7 printer.home".utf8), seed: 7)
        } _: { world throws in
            world.upstream.answer = { query in
                if "\(query.questions[0].name)".lowercased().hasPrefix("alias") {
                    return .reply(to: query, .noError, ["alias.example. 300 IN CNAME www.example."])
                }
                let soa = "example. 300 IN SOA ns.example. hostmaster.example. 1 3600 900 86400 300"
                return .reply(to: query, .nxDomain, authority: [soa])
            }
            for _ in 0..<2 {
                let absent = try world.ask("none.example.", .any, edns: EDNS())
                #expect(absent.responseCode == .nxDomain && absent.authorities.map(\.type) == [.soa])
                #expect(try world.ask("alias.example.", .any, edns: EDNS()).answers.map(\.type) == [.cname])
            }
            #expect(try world.ask("printer.home.", .any).answers.map(\.type) == [.a])
            #expect(Set(try world.ask("printer.home.", .any, streams: true).answers.map(\.type)) == [.a, .aaaa])
        }
    }

    @Test(arguments: [512, 1232, 4096]) func `a datagram is as long as the policy says, if the client takes that`(_ largest: Int)
        throws
    {
        try ResolverWorld.run(policy: { $0.largestDatagram = largest }) { world throws in
            for count in [20, 50, 200, 400] {
                world.upstream.answer = { .address($0, count: count) }
                for size: UInt16 in [512, 1232, 4096] {
                    let query = Message.query("n\(count).example.", edns: EDNS(udpPayloadSize: size))
                    for _ in 0..<2 {
                        let bytes = try #require(world.exchange(query.wire))
                        #expect(bytes.count <= min(largest, Int(size)))
                        let isWhole = 40 + 16 * count <= min(largest, Int(size))
                        #expect(try Message(bytes.span).flags.isTruncated == !isWhole, "\(count) for \(size)")
                    }
                }
            }
        }
    }
}
