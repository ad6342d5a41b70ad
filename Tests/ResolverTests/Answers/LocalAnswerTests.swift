import DNSWire
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Names of the hosts file, and who is asked about which names.
@Suite struct LocalAnswerTests {
    private static let hosts = """
        192.0.2.7 printer printer.home
        2001:db8::7 printer.home
        192.0.2.8 tv.home
        """

    private static func load(_ text: String) -> HostsTable { HostsTable.load(Array(text.utf8)) }

    @Test func `A, AAAA and PTR come from the hosts file at once, with the client's letters and TTL 0`() throws {
        try ResolverWorld.run {
            $0.hosts = Self.load(Self.hosts)
        } _: { world throws in
            func records(_ name: String, _ type: RecordType) throws -> [String] {
                let (step, bytes) = world.begin(Message.query(name, type, edns: EDNS()).wire)
                #expect(step == .answered(bytes.count))
                let answer = try Message(bytes.span)
                #expect(answer.responseCode == .noError && !answer.flags.isAuthoritative && !answer.flags.authenticData)
                #expect(answer.answers.allSatisfy { $0.ttl == 0 && "\($0.owner)" == name })
                return answer.answers.map { "\($0.data)" }
            }
            #expect(try records("printer.home.", .a) == ["192.0.2.7"])
            #expect(try records("PRINTER.Home.", .aaaa) == ["2001:db8::7"])
            #expect(try records("tv.home.", .aaaa) == [])
            #expect(try records("tv.home.", .mx) == [])
            #expect(try records("7.2.0.192.in-addr.arpa.", .ptr) == ["printer."])
            #expect(try records("7.2.0.192.in-addr.arpa.", .a) == [])
            #expect(world.upstream.count == 0)
            _ = try world.ask("other.home.")
            #expect(world.upstream.count == 1)
        }
    }

    @Test func `an address with more names than fit is cut to nothing with TC, and whole over a stream`() throws {
        let label = String(repeating: "x", count: 60)
        let names = (0..<20).map { "n\($0).\(label).\(label)" }
        try ResolverWorld.run {
            $0.hosts = Self.load(names.map { "192.0.2.7 \($0)" }.joined(separator: "\n"))
        } _: { world throws in
            for edns in [nil, EDNS(udpPayloadSize: 1232), EDNS(udpPayloadSize: 65_535)] {
                let answer = try world.ask("7.2.0.192.in-addr.arpa.", .ptr, edns: edns)
                #expect(answer.answers.isEmpty && answer.flags.isTruncated && (answer.edns != nil) == (edns != nil))
                let whole = try world.ask("7.2.0.192.in-addr.arpa.", .ptr, edns: edns, streams: true)
                #expect(whole.answers.map { "\($0.data)" } == names.map { "\($0)." } && !whole.flags.isTruncated)
            }
        }
    }

    @Test func `an upstream's NXDOMAIN for what a name of the hosts file lies in is NODATA, other answers stay`() throws {
        try ResolverWorld.run {
            $0.hosts = Self.load("192.0.2.7 a.lan.home")
        } _: { world throws in
            let soa = "home. 60 IN SOA ns.home. root.home. 1 2 3 4 60"
            world.upstream.answer = { .reply(to: $0, .nxDomain, authority: [soa]) }
            for _ in 0..<2 {
                let between = try world.ask("LAN.home.", edns: EDNS())
                #expect(between.responseCode == .noError && between.answers.isEmpty && between.authorities.count == 1)
            }
            #expect(world.upstream.count == 1)
            #expect(try world.ask("other.home.").responseCode == .nxDomain)
            #expect(try world.ask("b.lan.home.").responseCode == .nxDomain)
            world.upstream.answer = { .reply(to: $0, .nxDomain, ["home. 60 IN CNAME gone.example."], authority: [soa]) }
            #expect(try world.ask("home.", .txt).responseCode == .nxDomain)
        }
    }

    @Test func `a query without RD is answered from the hosts file too`() throws {
        try ResolverWorld.run {
            $0.hosts = Self.load(Self.hosts)
        } _: { world throws in
            var query = Message.query("tv.home.")
            query.flags.recursionDesired = false
            #expect(try world.ask(query).answers.count == 1)
        }
    }

    @Test func `the longest matching domain decides whom to ask, label by label and in any case`() throws {
        try ResolverWorld.run { world throws in
            var servers: [String: ScriptedUpstream] = [:]
            for (index, domain) in ["example.", "corp.example.", "in.corp.example."].enumerated() {
                let server = try ScriptedUpstream(.init(.loopback, port: UInt16(6000 + index)))
                servers[domain] = server
                world.policy.routes.append(ResolverWorld.route(domain, server.address, id: UInt16(10 + index)))
            }
            world.resolver.adopt(world.policy)
            let expected = [
                "a.b.in.corp.example.": "in.corp.example.", "in.corp.example.": "in.corp.example.",
                "IN2.corp.example.": "corp.example.", "x.CORP.example.": "corp.example.", "corp.example.": "corp.example.",
                "xcorp.example.": "example.", "example.": "example.", "example.org.": ".", ".": ".", "a.ple.": ".",
            ]
            for (name, domain) in expected {
                let before = servers.mapValues(\.count)
                let rest = world.upstream.count
                _ = try world.ask(name)
                for (key, server) in servers { #expect(server.count == before[key]! + (key == domain ? 1 : 0), "\(name)") }
                #expect(world.upstream.count == rest + (domain == "." ? 1 : 0), "\(name)")
            }
        }
    }

    @Test func `DS of a domain with upstreams of its own is asked of the parent's, what is below it of its own`() throws {
        try ResolverWorld.run { world throws in
            let server = try ScriptedUpstream(.init(.loopback, port: 6000))
            world.policy.routes.append(ResolverWorld.route("corp.example.", server.address, id: 10))
            world.resolver.adopt(world.policy)
            world.upstream.answer = { .reply(to: $0) }
            server.answer = { .reply(to: $0) }
            _ = try world.ask("corp.example.", .ds)
            #expect(world.upstream.count == 1 && server.count == 0)
            _ = try world.ask("sub.corp.example.", .ds)
            _ = try world.ask("corp.example.", .dnskey)
            #expect(world.upstream.count == 1 && server.count == 2)
        }
    }

    @Test func `that the parent denies a domain with upstreams of its own says nothing of its other types`() throws {
        try ResolverWorld.run { world throws in
            let server = try ScriptedUpstream(.init(.loopback, port: 6000))
            world.policy.routes.append(ResolverWorld.route("corp.example.", server.address, id: 10))
            world.resolver.adopt(world.policy)
            world.upstream.answer = { .reply(to: $0, .nxDomain, authority: ["example. 300 IN SOA a. b. 1 2 3 4 300"]) }
            for _ in 0..<2 { #expect(try world.ask("corp.example.", .ds).responseCode == .nxDomain) }
            #expect(world.upstream.count == 1)
            #expect(try world.ask("corp.example.").answers.count == 1)
            #expect(try world.ask("corp.example.", .ds).responseCode == .nxDomain)
            #expect(world.upstream.count == 1 && server.count == 1)
        }
    }

    @Test func `without a route for a name the client is told so, and nothing is remembered`() throws {
        try ResolverWorld.run {
            $0.routes = []
        } _: { world throws in
            let answer = try world.ask("www.example.", edns: EDNS())
            #expect(answer.responseCode == .servFail && answer.extendedError == .notReady)
            for (domain, name) in [("example.", "www.example."), (".", "www.example.net.")] {
                #expect(try world.ask(name).responseCode == .servFail)
                world.policy.routes = [ResolverWorld.route(domain, world.upstream.address)]
                world.resolver.adopt(world.policy)
                #expect(try world.ask(name).answers.count == 1)
            }
        }
    }
}
