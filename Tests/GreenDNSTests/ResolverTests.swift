import DNSWire
import Green
import GreenDNS
import Testing

@Suite struct ResolverTests {
    static let www = ["192.0.2.1", "192.0.2.2"].map { IPAddress($0)! }
    static let wwwV6 = IPAddress("2001:db8::1")!

    @Test func `a name has the addresses of both families, those first to which there is a route`() throws {
        try withZone { resolver, zone, world throws in
            #expect(try resolver.addresses(of: "www.example.") == Self.www + [Self.wwwV6])
            #expect(Set(zone.asked) == [Question(Name("www.example")!, .a), Question(Name("www.example")!, .aaaa)])
            _ = world.addHost("six", [Self.wwwV6])
            // What was found of a route is believed for some seconds.
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "WWW.example") == [Self.wwwV6] + Self.www)
            #expect(try resolver.addresses(of: "192.0.2.99") == [IPAddress("192.0.2.99")!])
            #expect(try resolver.addresses(of: "fe80::1") == [IPAddress("fe80::1")!])
        }
    }

    @Test func `an answer is kept as long as its shortest TTL, and a denial as its SOA says`() throws {
        try withZone { resolver, zone, _ throws in
            func ask(_ host: String) throws -> Int {
                let before = zone.asked.count
                _ = try? resolver.addresses(of: host)
                return zone.asked.count - before
            }
            #expect(try ask("alias.example.") == 2)
            try sleep(.seconds(99))
            #expect(try ask("alias.example.") == 0)
            try sleep(.seconds(2))
            #expect(try ask("alias.example.") == 2)
            #expect(throws: DNSError.noSuchName("none.example.")) { try resolver.addresses(of: "none.example.") }
            #expect(throws: DNSError.noAddress("text.example.")) { try resolver.addresses(of: "text.example.") }
            try sleep(.seconds(58))
            #expect(try ask("none.example.") == 0 && ask("text.example.") == 0)
            try sleep(.seconds(3))
            #expect(try ask("none.example.") == 2)
            resolver.forget()
            #expect(try ask("alias.example.") == 2)
        }
    }

    @Test func `no more answers are kept than the limit, and none longer than allowed`() throws {
        var options = DNSResolverOptions()
        (options.cacheLimit, options.longestLife) = (2, .seconds(10))
        try withZone(options) { resolver, zone, _ throws in
            for name in ["www.example.", "text.example.", "alias.example."] { _ = try? resolver.addresses(of: name) }
            let before = zone.asked.count
            for name in ["www.example.", "text.example.", "alias.example."] { _ = try? resolver.addresses(of: name) }
            #expect(zone.asked.count > before)
            let last = zone.asked.count
            _ = try? resolver.addresses(of: "alias.example.")
            #expect(zone.asked.count == last)
            try sleep(.seconds(11))
            _ = try? resolver.addresses(of: "alias.example.")
            #expect(zone.asked.count == last + 2)
        }
    }

    @Test func `who asks for the same meanwhile waits for the same answer`() throws {
        try withZone { resolver, zone, _ throws in
            try withGreenlets { scope throws in
                let all = (0..<50).map { _ in scope.spawn { try resolver.addresses(of: "www.example.") } }
                // One that gives up takes the answer from nobody.
                all[0].kill()
                for each in all.dropFirst() { #expect(try each.get().count == 3) }
            }
            #expect(zone.asked.count == 2 && resolver.askedCount == 2)
        }
    }

    @Test func `a short name is tried with the search list first, one with dots as it is`() throws {
        try withZone { resolver, zone, _ throws in
            #expect(try resolver.addresses(of: "short") == [IPAddress("192.0.2.9")!])
            #expect(Set(zone.asked.map(\.name)) == [Name("short.lab.example")!])
            zone.asked = []
            #expect(throws: DNSError.noSuchName("no.where")) { try resolver.addresses(of: "no.where") }
            #expect(zone.asked.map(\.name).filter { $0 == Name("no.where")! }.count == 2)
            #expect(zone.asked.last?.name == Name("no.where.lab.example")!)
            zone.asked = []
            #expect(throws: DNSError.noSuchName("short.")) { try resolver.addresses(of: "short.") }
            #expect(zone.asked.count == 2)
        }
    }

    @Test func `the hosts file comes first, and both files are read again when they change`() throws {
        try withZone { resolver, zone, world throws in
            #expect(try resolver.addresses(of: "PRINTER") == [IPAddress("192.0.2.77")!])
            #expect(try resolver.names(of: IPAddress("192.0.2.77")!) == ["Printer"])
            #expect(try resolver.addresses(of: "a.localhost") == [.loopbackV6, .loopback])
            #expect(zone.asked.isEmpty)
            world.host.files.write("/etc/hosts", "192.0.2.78 printer")
            world.host.files.write("/etc/resolv.conf", "nameserver 192.0.2.53\nsearch example")
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "printer") == [IPAddress("192.0.2.78")!])
            #expect(try resolver.addresses(of: "www") == Self.www + [Self.wwwV6])
            world.host.files.remove("/etc/hosts")
            try sleep(.seconds(6))
            #expect(throws: DNSError.noSuchName("printer")) { try resolver.addresses(of: "printer") }
        }
    }

    @Test func `a server that is silent or fails is followed by the next, and none at all is told`() throws {
        let two = "nameserver 192.0.2.54\nnameserver 192.0.2.53\noptions timeout:1 attempts:1"
        try withZone(resolvConf: two) { resolver, zone, world throws in
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            resolver.forget()
            zone.change = { reply, _ in
                var reply = reply
                (reply.answers, reply.responseCode) = ([], .servFail)
                return reply
            }
            #expect { try resolver.addresses(of: "www.example.") } throws: { "\($0)".contains("192.0.2.53:53: SERVFAIL") }
            zone.change = { _, _ in nil }
            #expect { try resolver.addresses(of: "www.example.") } throws: { $0.isTimeout }
            let begin = Instant.now
            #expect(throws: DNSError.timedOut("text.example.")) {
                try resolver.addresses(of: "text.example.", until: .in(.milliseconds(10)))
            }
            #expect(Instant.now - begin < .milliseconds(20))
        }
    }

    @Test func `an answer that is cut comes again over TCP, and a server without EDNS is asked without`() throws {
        try withZone { resolver, zone, _ throws in
            zone.change = { reply, isStream in
                var reply = reply
                if !isStream { (reply.flags.isTruncated, reply.answers) = (true, []) }
                return reply
            }
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            #expect(zone.asked.count == 4)
            zone.change = { reply, _ in
                guard reply.edns != nil else { return reply }
                var refusal = Message(id: reply.id, flags: reply.flags)
                refusal.responseCode = .formErr
                return refusal
            }
            #expect(try resolver.records(of: Name("text.example")!, .txt).count == 1)
        }
    }

    @Test func `aliases that lead in a circle end, and what does not belong is not believed`() throws {
        try withZone { resolver, zone, _ throws in
            let circle = "its aliases lead in a circle"
            for follows in [true, false] {
                zone.follows = follows
                for name in ["loop.example.", "one.example."] {
                    #expect(throws: DNSError.serverFailure(name, circle)) { try resolver.addresses(of: name) }
                }
            }
            #expect(zone.asked.count <= 2 * (1 + 1 + 2 + 3))
            zone.change = { reply, _ in
                var reply = reply
                reply.answers = [ResourceRecord(Name("other.example")!, ttl: 300, .a(.init(address: 7)))]
                return reply
            }
            #expect(throws: DNSError.noAddress("www.example.")) { try resolver.addresses(of: "www.example.") }
            zone.change = { reply, _ in
                var reply = reply
                reply.id &+= 1
                return reply
            }
            #expect(throws: DNSError.timedOut("text.example.")) { try resolver.addresses(of: "text.example.") }
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>) func `bytes that are no answer end in an error, and soon`(_ seed: UInt64)
        throws
    {
        try withZone(seed: seed, resolvConf: "nameserver 192.0.2.53\noptions timeout:1 attempts:1") {
            resolver, zone, world throws in
            var generator = SeededGenerator(seed: seed)
            zone.spoil = { bytes in
                for _ in 0..<Int.random(in: 1...8, using: &generator) {
                    // The id and the bit that says reply stay, so that it is looked at.
                    let place = Int.random(in: 3..<bytes.count, using: &generator)
                    switch Int.random(in: 0...2, using: &generator) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.removeLast(bytes.count - place)
                    default: bytes += [UInt8](repeating: 0xC0, count: place)
                    }
                    if bytes.count < 4 { break }
                }
            }
            for name in ["www.example.", "alias.example.", "text.example.", "none.example."] {
                let begin = Instant.now
                do {
                    #expect(try !resolver.addresses(of: name).isEmpty)
                } catch {
                    #expect(error is DNSError)
                }
                #expect(Instant.now - begin < .seconds(60))
                do {
                    #expect(try resolver.names(of: IPAddress("192.0.2.4")!).count <= 16)
                } catch {
                    #expect(error is DNSError)
                }
            }
            // A question each of two families, another for each of a few aliases, twice without EDNS: not more.
            #expect(resolver.askedCount < 200)
            zone.spoil = { _ in }
            resolver.forget()
            #expect(try resolver.addresses(of: "www.example.").count == 3)
        }
    }

    @Test func `names of addresses are told, but for what is no name of a host`() throws {
        try withZone { resolver, _, _ throws in
            #expect(try resolver.names(of: IPAddress("192.0.2.4")!) == ["four.example"])
            #expect(try resolver.names(of: IPAddress("192.0.2.5")!).isEmpty)
            #expect(throws: DNSError.self) { try resolver.names(of: IPAddress("2001:db8::7")!) }
            for bad in ["", ".", "a..b", "a b", "a\0b", "a\\046b", "é.example", String(repeating: "a.", count: 200)] {
                #expect(throws: DNSError.noSuchName(bad)) { try resolver.addresses(of: bad) }
            }
        }
    }

    @Test func `a host is connected to at one of its addresses`() throws {
        try withZone { resolver, zone, world throws in
            let web = world.addHost("web", [Self.www[0]])
            HubGroup(starter: world).start(name: "web", loop: { web.makeLoop() }) {
                let address = SocketAddress(Self.www[0], port: 80)
                let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
                try StreamServer(listener: listener, limit: 5) { try $0.write("hello") }.serveForever()
            }
            try sleep(.milliseconds(5))
            let socket = try resolver.connect(toHost: "www.example", port: 80, until: .in(.seconds(5)))
            #expect(try BufferedReader(socket).readAll() == Array("hello".utf8))
            #expect { try resolver.connect(toHost: "www.example", port: 81, until: .in(.seconds(5))) } throws: {
                "\($0)".hasPrefix("www.example:81")
            }
        }
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>) func `each name is found, whatever the network does`(_ seed: UInt64) throws {
        try withZone(seed: seed, resolvConf: "nameserver 192.0.2.53\noptions timeout:1 attempts:5") { world in
            world.network = .harsh
        } _: { resolver, _, _ throws in
            try withGreenlets { scope throws in
                for name in ["www.example.", "alias.example.", "short.lab.example."] {
                    scope.spawn { () throws in
                        #expect(try !resolver.addresses(of: name, until: .in(.seconds(60))).isEmpty)
                    }
                }
            }
        }
    }

    @Test func `a real server on this machine is asked over real sockets`() throws {
        try Hub().run {
            let zone = Zone(socket: try DatagramSocket(boundTo: SocketAddress(.loopback, port: 0)))
            zone.records = try zoneText.split(separator: "\n").map { try ResourceRecord(text: String($0).trimmed) }
            zone.start()
            var options = DNSResolverOptions()
            options.settings = DNSSettings(servers: [zone.socket.localAddress!])
            let resolver = DNSResolver(options)
            #expect(try Set(resolver.addresses(of: "alias.example", until: .in(.seconds(20)))) == Set(Self.www + [Self.wwwV6]))
            #expect(try resolver.addresses(of: "localhost", until: .in(.seconds(20))).allSatisfy(\.isLoopback))
        }
    }
}

@Suite struct SettingsTests {
    @Test func `a resolv.conf is read as glibc reads it`() {
        let text = """
            # comment
            nameserver 192.0.2.1 ; one
            nameserver fe80::1%1
            nameserver nonsense
            domain ignored.example
            search a.example b.example
            options ndots:2 timeout:99 attempts:0 rotate unknown ndots:x
            """
        let settings = DNSSettings(resolvConf: text)
        #expect(settings.servers.map(\.description) == ["192.0.2.1:53", "[fe80::1%1]:53"])
        #expect(settings.search == [Name("a.example")!, Name("b.example")!])
        #expect(settings.dots == 2 && settings.timeout == .seconds(30) && settings.attempts == 1 && settings.rotates)
        #expect(DNSSettings(resolvConf: "").servers == [SocketAddress(.loopback, port: 53)])
    }

    @Test func `what grows in a resolv.conf is bounded`() {
        let many = String(repeating: "nameserver 192.0.2.1\n", count: 1_000) + "search " + String(repeating: "a ", count: 1_000)
        let settings = DNSSettings(resolvConf: many)
        #expect(settings.servers.count <= 8 && settings.search.count <= 16)
    }
}
