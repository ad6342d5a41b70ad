import AnswerCache
import DNSWire
import Green
import Logging
import TestSupport
import Testing

@testable import Daemon

/// Who may ask: the rules, the gate in the path of a query, and what others are told.
@Suite struct ClientAccessTests {
    private static let wildcard = SocketAddress(.any, port: 53)

    /// The addresses that rules name.
    private func access(_ allow: [String], deny: [String] = [], networks: [String] = []) -> ClientAccess {
        ClientAccess(
            allow: allow.map { AccessRule($0)! }, deny: deny.map { AccessRule($0)! },
            networks: networks.map { AddressPrefix($0)! })
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.1", true), ("10.1.2.3", true), ("172.15.255.255", false), ("172.16.0.0", true),
        ("172.31.255.255", true), ("172.32.0.0", false), ("192.168.9.9", true), ("192.169.0.0", false),
        ("169.254.1.1", true), ("100.64.0.1", true), ("100.128.0.0", false), ("8.8.8.8", false), ("0.0.0.1", false),
        ("198.51.100.200", true), ("198.51.101.1", false), ("255.255.255.255", false), ("::1", true), ("::2", false),
        ("fe80::1", true), ("fd12::1", true), ("fe00::1", false), ("2001:db8:5::9", true), ("2001:db8:6::9", false),
        ("ff02::1", false), ("::ffff:10.0.0.1", false),
    ])
    func `local is loopback, private, link-local, and our own networks`(address: String, isAllowed: Bool) throws {
        let access = access(["local"], networks: ["198.51.100.7/24", "2001:db8:5::1/48"])
        #expect(access.admits(try #require(IPAddress(address))) == isAllowed)
    }

    @Test func `any is everybody of both families, a prefix only its own family, and deny wins`() throws {
        #expect(access(["any"]) == .everybody)
        let four = try #require(IPAddress("192.0.2.1"))
        let six = try #require(IPAddress("2001:db8::1"))
        #expect(access(["0.0.0.0/0"]).admits(four) && !access(["0.0.0.0/0"]).admits(six))
        #expect(access(["::/0"]).admits(six) && !access(["::/0"]).admits(four))
        #expect(!access(["any"], deny: ["192.0.2.0/24"]).admits(four))
        #expect(access(["any"], deny: ["192.0.2.0/24"]).admits(six))
        #expect(!access(["192.0.2.1"], deny: ["any"]).admits(four))
    }

    @Test func `the gate agrees with a plain search, whatever the rules and whoever came before`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            func prefixes() -> [AddressPrefix] {
                (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    let isFour = Bool.random(using: &random)
                    // Few bits, so that ranges meet, overlap and contain each other.
                    let bits = UInt64.random(in: 0...15, using: &random)
                    let ip = isFour ? IPAddress(v4: UInt32(bits) << 28) : IPAddress(v6High: bits << 60, low: 0)
                    return AddressPrefix(ip, length: Int.random(in: 0...6, using: &random))
                }
            }
            let (allow, deny) = (prefixes(), prefixes())
            let access = ClientAccess(allow: allow.map { .network($0) }, deny: deny.map { .network($0) }, networks: [])
            let gate = ClientGate(access, at: Self.wildcard)
            for _ in 0..<60 {
                let bits = UInt64.random(in: 0...(.max), using: &random)
                let ip =
                    Bool.random(using: &random)
                    ? IPAddress(v4: UInt32(bits >> 32)) : IPAddress(v6High: bits & ~(0xFF << 56) | 0x20 << 56, low: bits)
                func isIn(_ list: [AddressPrefix]) -> Bool {
                    list.contains { $0.family == ip.family && $0.contains(ip.bytes.span) }
                }
                #expect(gate.admits(ip.number) == (isIn(allow) && !isIn(deny)), "\(ip) of \(allow) but \(deny)")
            }
        }
    }

    @Test func `a listener on loopback looks at nobody, unless loopback itself is not allowed`() {
        let stranger = IPAddress("192.0.2.1")!.number
        #expect(ClientGate(access(["local"]), at: SocketAddress(.loopback, port: 53)).admits(stranger))
        #expect(ClientGate(access(["local"]), at: SocketAddress(.loopbackV6, port: 53)).admits(stranger))
        #expect(!ClientGate(access(["local"]), at: Self.wildcard).admits(stranger))
        #expect(!ClientGate(access(["local"], deny: ["127.0.0.9"]), at: SocketAddress(.loopback, port: 53)).admits(stranger))
        #expect(!ClientGate(access(["192.168.0.0/16"]), at: SocketAddress(.loopback, port: 53)).admits(IPAddress.loopback.number))
    }

    @Test func `a stranger is refused before the cache is looked at, over UDP and TCP, with and without RD`() throws {
        try ServingWorld.run(listen: Self.wildcard, access: access(["local"])) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            _ = try world.ask(.query("known.example."))
            try world.onMachine("198.51.100.7") { hub throws in
                var questions = [Message.query("known.example."), .query("new.example."), .query("version.bind.", .txt)]
                for index in questions.indices { questions[index].edns = EDNS() }
                questions[0].flags.recursionDesired = false
                for question in questions {
                    let stream = try StreamSocket.connect(to: server, until: hub.loop.now().advanced(by: .seconds(5)))
                    try stream.send(question)
                    for answer in try [ServingWorld.ask(question, at: server), stream.answer()] {
                        #expect(answer?.responseCode == .refused && answer?.extendedError == .prohibited)
                        #expect(answer?.answers.isEmpty == true && answer?.questions == question.questions)
                    }
                }
            }
            #expect(world.upstream.count == 1)
            try world.onMachine("192.168.3.4") { _ throws in
                #expect(try ServingWorld.ask(.query("known.example."), at: server)?.answers.count == 1)
            }
        }
    }

    @Test func `other rules hold from the next query on, on connections that are open too`() throws {
        try ServingWorld.run(listen: Self.wildcard, access: access(["any"])) { world throws in
            let stream = try world.connect()
            try stream.send(.query("a.example."))
            #expect(try stream.answer()?.responseCode == .noError)
            world.worker.adopt(ClientRules(access(["any"], deny: ["127.0.0.1"])))
            try stream.send(.query("a.example."))
            #expect(try stream.answer()?.responseCode == .refused)
            #expect(try world.ask(.query("a.example."))?.responseCode == .refused)
        }
    }

    @Test func `networks that come and go are followed`() throws {
        try VirtualWorld(seed: 2).run { hub throws in
            let networks = Locked<[AddressPrefix]>([])
            var settings = Settings()
            settings.listen = [Self.wildcard]
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let part = AccessPart(settings, log) { networks.withLock { $0 } }
            var changes: [ClientRules] = []
            part.changed = { changes.append($0) }
            try part.start()
            let client = IPAddress("203.0.113.9")!
            #expect(!part.rules.access(at: Self.wildcard).admits(client))
            networks.withLock { $0 = [AddressPrefix("203.0.113.1/24")!] }
            try sleep(.seconds(11))
            #expect(part.rules.access(at: Self.wildcard).admits(client) && changes.count == 2)
            try sleep(.seconds(60))
            #expect(changes.count == 2)
            settings.deny = [AccessRule("203.0.113.0/28")!]
            try part.adopt(settings)
            #expect(!part.rules.access(at: Self.wildcard).admits(client) && changes.count == 3)
            try part.stop()
        }
    }

    @Test func `allow: any is warned of where others can reach a listener`() throws {
        #expect(!Settings().answersEverybody)
        #expect(!(try read("allow: any")).answersEverybody)
        #expect(!(try read("listen: [\"0.0.0.0\"]")).answersEverybody)
        #expect(try read("listen: [\"0.0.0.0\"]\nallow: any").answersEverybody)
        #expect(try read("listen: [\"127.0.0.1\", \"192.0.2.1\"]\nallow: [any]").answersEverybody)
        for wide in ["0.0.0.0/0", "\"::/0\"", "[0.0.0.0/1, 128.0.0.0/1]"] {
            let settings = try read("listen: [\"0.0.0.0\"]\nallow: \(wide)")
            #expect(settings.answersEverybody && settings.warnings.contains { $0.contains("open resolver") })
        }
        let own = try read("listen: [\"0.0.0.0\"]\nallow: [10.0.0.0/8, \"2001:db8::/32\"]")
        #expect(!own.answersEverybody && own.warnings.isEmpty)
    }

    @Test func `a listener may have rules of its own, for the others those for all hold`() throws {
        let guests = SocketAddress(IPAddress("192.0.2.1")!, port: 53)
        let yaml = """
            listen: ["0.0.0.0:5300", {address: "192.0.2.1:53", allow: [192.0.2.0/24]}, {address: "192.0.2.2", deny: 192.0.2.7}]
            allow: 10.0.0.0/8
            """
        let settings = try read(yaml)
        #expect(settings.listen.map(\.description) == ["0.0.0.0:5300", "192.0.2.1:53", "192.0.2.2:53"])
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try VirtualWorld(seed: 2).run { _ throws in
            let part = AccessPart(settings, log) { [] }
            try part.start()
            let (inside, guest) = (IPAddress("10.1.1.1")!, IPAddress("192.0.2.9")!)
            #expect(part.rules.access(at: guests).admits(guest) && !part.rules.access(at: guests).admits(inside))
            #expect(part.rules.access(at: settings.listen[0]).admits(inside))
            #expect(!part.rules.access(at: settings.listen[0]).admits(guest))
            #expect(part.rules.access(at: settings.listen[2]).admits(inside))
            try part.stop()
        }
        #expect(try read("listen: [{address: \"0.0.0.0\", allow: any}]").answersEverybody)
        // What is shown can be read again.
        let again = try read("listen: " + (SettingKind.list(of: .listener, "").print(settings.writtenListen) ?? ""))
        #expect(again.writtenListen == settings.writtenListen)
        for wrong in [
            "[{allow: any}]", "[{address: {address: \"::1\"}}]", "[\"192.0.2.1\", {address: \"192.0.2.1\", allow: any}]",
            "[{address: 192.0.2.1, allow: 3}]",
        ] {
            #expect(complaint("listen: \(wrong)").contains("expected"), "\(wrong)")
        }
    }

    @Test func `two listeners of a worker answer each their own clients`() throws {
        var rules = ClientRules(.nobody)
        rules.accessAt[SocketAddress(.any, port: 53)] = access(["192.0.2.0/24"])
        try ServingWorld.run(listen: Self.wildcard, rules: rules) { world throws in
            let server = SocketAddress(world.world.host.addresses[0], port: 53)
            for (client, code) in [("192.0.2.77", ResponseCode.noError), ("198.51.100.7", .refused)] {
                try world.onMachine(client) { hub throws in
                    #expect(try ServingWorld.ask(.query("a.example."), at: server)?.responseCode == code)
                    let stream = try StreamSocket.connect(to: server, until: hub.loop.now().advanced(by: .seconds(5)))
                    try stream.send(.query("a.example."))
                    #expect(try stream.answer()?.responseCode == code)
                }
            }
        }
    }

    @Test func `the settings take words, prefixes and lists of them`() throws {
        #expect(try read("allow: local").allow == [.local])
        let both = try read("allow: [local, 192.0.2.0/24, \"2001:db8::/32\"]\ndeny: 192.0.2.7")
        #expect(both.allow == ["local", "192.0.2.0/24", "2001:db8::/32"].map { AccessRule($0)! })
        #expect(both.deny == [AccessRule("192.0.2.7")!])
        for wrong in ["allow: all", "allow: 192.0.2.0/33", "allow: [fe80::1%lo]", "allow: []", "deny: {a: b}"] {
            #expect(complaint(wrong).contains("expected"), "\(wrong)")
        }
    }
}
