import DNSWire
import Green
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Names that are answered here and reach no upstream.
@Suite struct LocalZoneTests {
    /// The answer to a question that must be given at once.
    private func own(_ world: ResolverWorld, _ name: String, _ type: RecordType) throws -> Message {
        let (step, bytes) = world.begin(Message.query(name, type, edns: EDNS()).wire)
        #expect(step == .answered(bytes.count), "\(name) \(type)")
        return try Message(bytes.span)
    }

    @Test func `special-use names are NXDOMAIN with the SOA of their zone and a reason, whatever the type`() throws {
        try ResolverWorld.run { world throws in
            for top in ["invalid", "test", "onion", "alt", "local", "use-application-dns.net"] {
                for (name, type) in [("\(top).", RecordType.txt), ("a.b.\(top).", .a), ("WWW.\(top.uppercased()).", .https)] {
                    let answer = try own(world, name, type)
                    #expect(answer.responseCode == .nxDomain && answer.answers.isEmpty && answer.extendedError == .synthesized)
                    let soa = try #require(answer.authorities.first)
                    #expect(soa.type == .soa && soa.owner == Name(top)! && soa.ttl == 3600)
                    #expect("\(soa.data)" == "\(soa.owner) nobody.invalid. 1 3600 1200 604800 3600")
                    #expect(answer.flags.recursionAvailable && !answer.flags.isAuthoritative)
                }
            }
            #expect(world.upstream.count == 0)
        }
    }

    /// Says of a name that it exists and has nothing of the type.
    private func isNoData(_ answer: Message) -> Bool {
        answer.responseCode == .noError && answer.answers.isEmpty && answer.authorities.map(\.type) == [.soa]
    }

    @Test func `a name above one that is answered or forwarded is not denied`() throws {
        try ResolverWorld.run {
            $0.hosts = HostsTable.load(Array("192.168.1.5 nas\n192.0.2.1 a.b.home.arpa www.corp\n".utf8))
            $0.routes.append(ResolverWorld.route("x.y.local.", SocketAddress(.loopback, port: 5353), id: 3))
            $0.routes.append(ResolverWorld.route("deep.lan.", SocketAddress(.loopback, port: 5353), id: 3))
        } _: { world throws in
            for name in ["1.168.192.in-addr.arpa.", "b.home.arpa.", "corp.", "y.local.", "local.", "lan."] {
                #expect(isNoData(try own(world, name, .a)), "\(name)")
            }
            for name in ["2.168.192.in-addr.arpa.", "c.home.arpa.", "corpse.", "z.local."] {
                #expect(try own(world, name, .a).responseCode == .nxDomain, "\(name)")
            }
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `DS of a forwarded domain in a locally served zone is answered here, and denies nothing`() throws {
        try ResolverWorld.run {
            for domain in ["corp.local.", "x.home.arpa.", "1.10.in-addr.arpa."] {
                $0.routes.append(ResolverWorld.route(domain, SocketAddress(.loopback, port: 5353), id: 3))
            }
        } _: { world throws in
            for domain in ["corp.local.", "x.home.arpa.", "1.10.in-addr.arpa."] {
                #expect(isNoData(try own(world, domain, .ds)), "\(domain)")
                #expect(world.begin(Message.query(domain).wire).step == .wait)
                #expect(world.begin(Message.query("y.\(domain)", .ds).wire).step == .wait)
            }
        }
    }

    @Test func `localhost and what is below it are the loopback addresses, and these have it as their name`() throws {
        try ResolverWorld.run { world throws in
            for name in ["localhost.", "LocalHost.", "a.b.localhost."] {
                #expect(try own(world, name, .a).answers.map { "\($0.owner) \($0.data)" } == ["\(name) 127.0.0.1"])
                #expect(try own(world, name, .aaaa).answers.map { "\($0.data)" } == ["::1"])
                #expect(try own(world, name, .any).answers.count == 2)
                let none = try own(world, name, .mx)
                #expect(none.responseCode == .noError && none.answers.isEmpty && none.authorities.first?.type == .soa)
            }
            let reverse = "1." + String(repeating: "0.", count: 31) + "ip6.arpa."
            for name in ["1.0.0.127.in-addr.arpa.", reverse] {
                #expect(try own(world, name, .ptr).answers.map { "\($0.data)" } == ["localhost."])
                #expect(try own(world, name, .a).authorities.first?.type == .soa)
                #expect(try own(world, "x.\(name)", .ptr).responseCode == .nxDomain)
            }
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `private reverse zones and home arpa are empty, but for DS of their top`() throws {
        try ResolverWorld.run { world throws in
            let tops = [
                "10.in-addr.arpa", "16.172.in-addr.arpa", "31.172.in-addr.arpa", "168.192.in-addr.arpa", "64.100.in-addr.arpa",
                "127.100.in-addr.arpa", "0.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa", "2.0.192.in-addr.arpa",
                "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa", "d.f.ip6.arpa",
                "8.e.f.ip6.arpa", "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "home.arpa",
            ]
            for top in tops {
                #expect(try own(world, "\(top).", .soa).answers.first?.owner == Name(top)!)
                #expect(try own(world, "\(top).", .ns).answers.map { "\($0.data)" } == ["\(top)."])
                let none = try own(world, "\(top).", .a)
                #expect(none.responseCode == .noError && none.answers.isEmpty && none.authorities.first?.owner == Name(top)!)
                let below = try own(world, "5.4.\(top).", .ptr)
                #expect(below.responseCode == .nxDomain && below.authorities.first?.owner == Name(top)!)
                #expect(world.begin(Message.query("\(top).", .ds).wire).step == .wait)
                #expect(try own(world, "x.\(top).", .ds).responseCode == .nxDomain)
            }
            for name in [
                "11.in-addr.arpa.", "15.172.in-addr.arpa.", "32.172.in-addr.arpa.", "63.100.in-addr.arpa.", "e.f.ip6.arpa.",
            ] {
                #expect(world.begin(Message.query(name, .ptr).wire).step == .wait)
            }
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `no client discovers the upstream's encrypted resolvers past this one`() throws {
        try ResolverWorld.run { world throws in
            for (name, type) in [
                ("_dns.resolver.arpa.", RecordType.svcb), ("resolver.arpa.", .a), ("x._dns.resolver.arpa.", .txt),
            ] {
                let answer = try own(world, name, type)
                #expect(answer.responseCode == .noError && answer.answers.isEmpty)
                #expect(answer.authorities.first?.owner == Name("resolver.arpa")!)
            }
        }
    }

    @Test func `a single label is not forwarded for the types of hosts, and is for those of top-level domains`() throws {
        try ResolverWorld.run { world throws in
            for type in [RecordType.a, .aaaa, .mx, .srv, .https, .svcb] {
                let answer = try own(world, "printer.", type)
                #expect(answer.responseCode == .nxDomain && answer.authorities.first?.type == .soa)
            }
            for type in [RecordType.ns, .soa, .ds, .dnskey, .txt] {
                #expect(world.begin(Message.query("com.", type).wire).step == .wait, "\(type)")
            }
            #expect(world.begin(Message.query(".", .ns).wire).step == .wait)
        }
    }

    @Test func `a forward rule of the same domain or below it, or the hosts file, takes its names elsewhere`() throws {
        try ResolverWorld.run { policy in
            let address = SocketAddress(.loopback, port: 5353)
            policy.routes += ["test", "corp.local", "10.in-addr.arpa", "lan"].map { ResolverWorld.route($0, address) }
            policy.hosts = HostsTable.load(Array("192.168.1.7 nas nas.home.arpa".utf8))
        } _: { world throws in
            for name in ["a.test.", "corp.local.", "a.corp.local.", "1.10.in-addr.arpa.", "lan.", "test."] {
                #expect(world.begin(Message.query(name, .a).wire).step == .wait, "\(name)")
            }
            for name in ["a.local.", "a.invalid.", "11.168.192.in-addr.arpa.", "other."] {
                #expect(try own(world, name, .a).responseCode == .nxDomain, "\(name)")
            }
            for name in ["nas.", "nas.home.arpa."] {
                #expect(try own(world, name, .a).answers.map { "\($0.data)" } == ["192.168.1.7"])
            }
            #expect(try own(world, "7.1.168.192.in-addr.arpa.", .ptr).answers.count == 1)
        }
    }

    @Test func `each kind of local zone has a switch`() throws {
        let switches: [(any WritableKeyPath<LocalZones, Bool> & Sendable, String, RecordType)] = [
            (\.localhost, "localhost.", .a), (\.specialUse, "a.onion.", .a), (\.multicast, "a.local.", .a),
            (\.home, "a.home.arpa.", .a), (\.privateReverse, "1.10.in-addr.arpa.", .ptr),
            (\.resolverARPA, "_dns.resolver.arpa.", .svcb), (\.browserCanary, "use-application-dns.net.", .a),
            (\.singleLabels, "printer.", .a),
        ]
        for (path, _, _) in switches {
            try ResolverWorld.run { policy in
                policy.localZones[keyPath: path] = false
                policy.localZones.singleLabels = policy.localZones.singleLabels && path != \.localhost
            } _: { world throws in
                for (other, name, type) in switches where other != \.singleLabels || path != \.localhost {
                    let step = world.begin(Message.query(name, type).wire).step
                    #expect((step == .wait) == (other == path), "\(name)")
                }
            }
        }
    }

    @Test func `a name of any length within a local zone is answered within 512 bytes`() throws {
        try ResolverWorld.run { world throws in
            for labels in 1...124 {
                let name = String(repeating: "a.", count: labels) + "test."
                let (step, bytes) = world.begin(Message.query(name, .a, edns: EDNS()).wire)
                #expect(step == .answered(bytes.count) && bytes.count <= 512)
                #expect(try Message(bytes.span).authorities.first?.owner == Name("test")!)
            }
        }
    }
}

/// Domains found by name.
@Suite struct DomainIndexTests {
    private func wire(_ name: String) -> [UInt8] { Name(name)!.lowercased.wire }

    @Test func `the longest domain wins, and inherits what it does not say itself`() {
        var policy = Policy()
        let address = SocketAddress(.loopback, port: 53)
        policy.localZones = .none
        policy.routes = ["example", "b.example", "."].map { ResolverWorld.route($0, address) }
        policy.domains = ["a.b.example", "example", "other"].map { DomainRule(domain: wire($0)) }
        let index = DomainIndex(policy)
        let cases: [(String, Int?, Int?)] = [
            ("example", 0, 1), ("x.example", 0, 1), ("b.example", 1, 1), ("x.b.example", 1, 1), ("y.x.a.b.example", 1, 0),
            ("other", nil, 2), ("a.other", nil, 2), ("xexample", nil, nil), ("another", nil, nil), (".", nil, nil),
        ]
        for (name, route, rule) in cases {
            let facts = index.find(wire(name).span)
            #expect(facts?.route == route && facts?.rule == rule, "\(name)")
        }
    }

    @Test func `ten thousand domains are told apart by a second opinion`() {
        var numbers = SeededNumbers(seed: 3)
        func name() -> String {
            (0..<Int.random(in: 1...5, using: &numbers)).map { _ in
                String(Int.random(in: 0...30, using: &numbers), radix: 32)
                    + (Bool.random(using: &numbers) ? "longer-than-a-word" : "")
            }.joined(separator: ".")
        }
        var policy = Policy()
        policy.localZones = .none
        let domains = Array(Set((0..<10_000).map { _ in name() }))
        policy.domains = domains.map { DomainRule(domain: wire($0)) }
        let byName = Dictionary(uniqueKeysWithValues: domains.enumerated().map { ($1, $0) })
        let index = DomainIndex(policy)
        for _ in 0..<20_000 {
            let asked = name()
            var rest = Substring(asked)
            while byName[String(rest)] == nil, let dot = rest.firstIndex(of: ".") { rest = rest[rest.index(after: dot)...] }
            #expect(index.find(wire(asked).span)?.rule == byName[String(rest)])
        }
    }

    @Test func `a rule for the root holds for all names`() {
        var policy = Policy()
        policy.domains = [DomainRule(domain: [0])]
        let index = DomainIndex(policy)
        for name in [".", "a", "a.b.c", "a.test"] { #expect(index.find(wire(name).span)?.rule == 0) }
    }
}
