import AnswerCache
import DNSWire
import Green
import GreenHTTP2
import GreenTLS
import Observation
import Resolver
import TestSupport
import Testing

@testable import Daemon

/// Clients that are known by name, and what they are told of how this server speaks.
@Suite struct ClientNameTests {
    private static let certificates = TestCertificates.shared

    /// A worker with a list for a group of clients that are called kid-tablet, phone or other.
    private func run(_ tls: TLSSettings, _ body: @escaping (ServingWorld) throws -> Void) throws {
        try ServingWorld.run(tls: tls) { world throws in
            world.world.host.files.write("/ads", "||ads.example^\n")
            let yaml = """
                upstreams: ["\(world.upstream.address)"]
                lists: {ads: {from: [/ads]}}
                groups: [{name: kids, clients: [kid-tablet, Phone, other], block: [ads]}, {name: default}]
                """
            let settings = try read(yaml)
            let part = NameRulesPart(settings, try MemoryCache(sizeBytes: 0, seed: 1), NameRulesPartTests.logger)
            try part.start()
            let content = try #require(part.book?.content)
            for (client, outcome) in [("Kid-Tablet", RuleTest.Expectation.block), ("x", .pass), ("192.0.2.1", .pass)] {
                let found = RuleExplanation(content, Name("ads.example")!, client: TestedClient(client), at: 0)
                #expect(found.outcome == outcome, "\(client)")
            }
            var builder = PolicyBuilder()
            var policy = builder.policy(for: settings, hosts: nil)
            policy.rules = part.book
            world.worker.adopt(policy)
            try body(world)
            try part.stop()
        }
    }

    private static let denied = "0.0.0.0"

    /// What a client is told over TLS that asks for a host's name, by its own certificate where that is given.
    private func overTLS(_ world: ServingWorld, _ host: String, identity: String? = nil) throws -> String {
        let stream = try StreamSocket.connect(to: ServingWorld.tlsAddress, until: world.soon)
        let client = try TLSSocket.connect(
            over: stream, host: host, context: Self.certificates.client(identity: identity), until: world.soon)
        defer { client.close() }
        var said = ""
        // At first from the upstream, then from the cache.
        for _ in 0..<2 {
            try client.send(.query("www.ads.example."))
            said = try client.answer()?.answers.first.map { "\($0.data)" } ?? "nothing"
        }
        return said
    }

    /// What a client is told at a path, over HTTP/2 and over HTTP/1.1.
    private func overHTTP(_ world: ServingWorld, _ path: String, posts: Bool = false) throws -> [String] {
        let wire = Message.query("www.ads.example.", id: 0).wire
        let query = posts ? "" : "?dns=" + PresentationText.base64URL(wire)
        func connect(_ name: String) throws -> TLSSocket {
            let stream = try StreamSocket.connect(to: ServingWorld.httpsAddress, until: world.soon)
            let context = try Self.certificates.client(protocols: [name])
            return try TLSSocket.connect(over: stream, host: "dns.test", context: context, until: world.soon)
        }
        let type = "application/dns-message"
        let second = try HTTP2Client(over: connect("h2")).send(
            HTTP2Fields([
                (":method", posts ? "POST" : "GET"), (":scheme", "https"), (":authority", "a"), (":path", path + query),
                ("content-type", type),
            ]), body: posts ? wire : [], until: world.soon)
        let first = try connect("http/1.1")
        let head =
            posts
            ? "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type); a=b\r\nContent-Length: \(wire.count)\r\n\r\n"
            : "GET \(path + query) HTTP/1.1\r\nHost: a\r\n\r\n"
        try first.write(Array(head.utf8) + (posts ? wire : []), until: world.soon)
        let reply = try first.read(upTo: 8192, until: world.soon)
        var start = 0
        while start + 4 < reply.count, Array(reply[start..<start + 4]) != [13, 10, 13, 10] { start += 1 }
        let bodies = [second.body, Array(reply[(start + 4)...])]
        return try bodies.map { body in
            let answer = try Message(body.span)
            return answer.answers.first.map { "\($0.data)" } ?? "nothing"
        }
    }

    @Test func `the path of a request says what the client is called`() throws {
        try run(Self.certificates.settings("dns")) { world throws in
            for posts in [false, true] {
                for path in ["/clients/kid-tablet", "/clients/PHONE"] {
                    let watcher = world.shared.tap.watch()
                    #expect(try overHTTP(world, path, posts: posts) == [Self.denied, Self.denied], "\(path)")
                    let told = try #require(watcher?.take().entries)
                    let name = ClientName(String(path.dropFirst("/clients/".count)))
                    #expect(told.count == 2 && told.allSatisfy { $0.transport == .https && $0.clientName == name.number })
                }
                for path in ["/clients/kid-tablets", "/clients/x", "/dns-query"] {
                    #expect(try !overHTTP(world, path, posts: posts).contains(Self.denied), "\(path)")
                }
            }
        }
    }

    @Test func `the name that a client asks for says so, where it is one label below the server's`() throws {
        Self.certificates.make("named", "DNS:dns.test,DNS:*.dns.test,DNS:*.wild.test,DNS:*.a.dns.test", days: 30)
        var settings = Self.certificates.settings("named")
        settings.name = "dns.test"
        try run(settings) { world throws in
            let watcher = world.shared.tap.watch()
            #expect(try overTLS(world, "kid-tablet.dns.test") == Self.denied)
            let told = try #require(watcher?.take().entries)
            #expect(
                told.count == 2 && told.allSatisfy { $0.transport == .tls && $0.clientName == ClientName("kid-tablet").number })
            #expect(try overTLS(world, "Phone.DNS.test") == Self.denied)
            for host in ["dns.test", "x.dns.test", "kid-tablet.wild.test", "kid-tablet.a.dns.test"] {
                #expect(try overTLS(world, host) != Self.denied, "\(host)")
            }
        }
    }

    @Test func `a client's certificate says so before all else`() throws {
        var settings = Self.certificates.settings("dns")
        settings.clients = Self.certificates.file("ca.pem")
        try run(settings) { world throws in
            #expect(try overTLS(world, "dns.test", identity: "other") == Self.denied)
            #expect(ClientDirectory.shared.name(of: ClientName("other").number) == "other")
            #expect(try overTLS(world, "dns.test", identity: "dns") != Self.denied)
        }
    }

    @Test func `what is no name is nobody's`() {
        #expect(ClientName("Kid-Tablet") == ClientName("kid-tablet") && ClientName("a") != ClientName("b"))
        for odd in ["", "a.b", "a b", "ä", String(repeating: "a", count: 65), "a/", "a\0"] { #expect(ClientName(odd) == .none) }
        #expect(ClientName("-") != ClientName("_") && ClientName("-") != .none)
    }

    // MARK: - Designated resolvers

    @Test func `who asks how the server speaks is told, where it has a name`() throws {
        let listen =
            #"["127.0.0.1:53", "tls://192.0.2.10", "tls://[2001:db8::10]", "https://0.0.0.0:8443/dns-query", "#
            + #""https://192.0.2.10/dns-query", "https://192.0.2.10/c/{client}", "http://192.0.2.10/dns-query"]"#
        let tls = "tls: {certificate: /c, key: /k, name: dns.example}"
        try ServingWorld.run { world throws in
            var builder = PolicyBuilder()
            world.worker.adopt(builder.policy(for: try read("listen: \(listen)\n\(tls)"), hosts: nil))
            for name in ["_dns.resolver.arpa.", "_DNS.dns.example."] {
                let answer = try #require(try world.ask(.query(name, .svcb, edns: EDNS())))
                #expect(
                    answer.answers.map { "\($0.data)" } == [
                        "1 dns.example. alpn=dot ipv4hint=192.0.2.10 ipv6hint=2001:db8::10",
                        #"2 dns.example. alpn=h2 port=8443 dohpath="/dns-query{?dns}""#,
                        #"3 dns.example. alpn=h2 ipv4hint=192.0.2.10 dohpath="/dns-query{?dns}""#,
                    ], "\(answer)")
            }
            let other = try #require(try world.ask(.query("_dns.resolver.arpa.", .a)))
            #expect(other.responseCode == .noError && other.answers.isEmpty)
            // What an upstream says of the name must not hide them.
            let asked = world.upstream.count
            let address = try #require(try world.ask(.query("_dns.dns.example.", .a)))
            #expect(address.responseCode == .noError && address.answers.isEmpty && world.upstream.count == asked)
            // Without a name, or without anything encrypted, there is nothing to tell.
            for yaml in ["listen: \(listen)\ntls: {certificate: /c, key: /k}", tls] {
                world.worker.adopt(builder.policy(for: try read(yaml), hosts: nil))
                let answer = try #require(try world.ask(.query("_dns.resolver.arpa.", .svcb)))
                #expect(answer.responseCode == .noError && answer.answers.isEmpty && !answer.authorities.isEmpty)
            }
        }
    }
}
