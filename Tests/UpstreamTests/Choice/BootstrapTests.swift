import DNSWire
import Green
import GreenTLS
import Testing

@testable import Upstream

/// Upstreams that are known by name.
@Suite struct `Bootstrap` {
    /// A name's addresses as a test says them, for so many seconds.
    private final class Names {
        var four: [[UInt8]] = [[127, 0, 0, 1]]
        var six: [[UInt8]] = []
        var ttl = 300
        var isSilent = false
        var isSilentAboutSix = false

        func acts(_ query: FakeQuery) -> [FakeAct] {
            if isSilent { return [] }
            let isSix = query.bytes[query.questionEnd - 3] == 28
            if isSix, isSilentAboutSix { return [] }
            let records = (isSix ? six : four).map { bytes in
                [0xC0, 12] + word(isSix ? 28 : 1) + word(1) + [0, 0] + word(ttl) + word(bytes.count) + bytes
            }
            return [.send(query.reply(answers: records))]
        }
    }

    /// A server over TLS that is known as dns.test, who knows its addresses, and the upstream that it is.
    private struct Site {
        let names = Names()
        let bootstrap: FakeUpstream
        let fake: FakeUpstream
        let server: UpstreamServer
        let forwarder: Forwarder

        init(_ behavior: @escaping (FakeQuery) -> [FakeAct] = { [.send($0.answer(9))] }) throws {
            let (hub, names) = (Hub.current, names)
            bootstrap = try FakeUpstream { names.acts($0) }
            fake = try FakeUpstream(security: .tls(Certificates.shared.server()), behavior)
            let address = UpstreamAddress(
                host: "dns.test", port: fake.address.port, transport: .tls,
                encryption: UpstreamEncryption("dns.test", isNamed: true))
            server = UpstreamServer(address, id: 3, hub: hub, tls: try Certificates.shared.client())
            server.lookUp(by: Forwarder(hub: hub, servers: [bootstrap.server], tryLimit: .seconds(1)))
            forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2))
        }

        func ask() throws { _ = try forwarder.ask(question("www.example.com")) }
    }

    @Test func `addresses of one family are used while the other's question has no answer`() throws {
        try onHub { _ in
            let site = try Site()
            site.names.isSilentAboutSix = true
            #expect(try elapsed { try site.ask() } < .milliseconds(500))
        }
    }

    @Test(arguments: World.allCases) func `both families are asked for once, and the address found is connected to`(
        _ world: World
    )
        throws
    {
        try onHub(world) { hub in
            let site = try Site()
            let askers = (0..<20).map { _ in hub.spawn { try site.ask() } }
            for asker in askers { try asker.get() }
            #expect(Set(site.bootstrap.queries.map { $0.bytes[$0.questionEnd - 3] }) == [1, 28])
            #expect(site.bootstrap.queries.count == 2)
            #expect(site.fake.handshakes == 1)
            site.server.retire()
        }
    }

    @Test func `it is looked up again when the time of its addresses is over, and not before`() throws {
        try onHub { _ in
            let site = try Site { [.send($0.answer()), .close] }
            site.names.ttl = 60
            for _ in 0..<5 {
                try site.ask()
                try sleep(.seconds(5))
            }
            #expect(site.bootstrap.queries.count == 2)
            try sleep(.seconds(40))
            try site.ask()
            try sleep(.seconds(1))
            #expect(site.bootstrap.queries.count == 4)
            site.server.retire()
        }
    }

    @Test func `without an answer the addresses known before stay`() throws {
        try onHub { _ in
            let site = try Site { [.send($0.answer()), .close] }
            site.names.ttl = 10
            try site.ask()
            site.names.isSilent = true
            try sleep(.seconds(20))
            for _ in 0..<3 {
                try site.ask()
                try sleep(.seconds(5))
            }
            site.server.retire()
        }
    }

    @Test func `an address where nobody listens is passed over for the next, of either family`() throws {
        try onHub { _ in
            let site = try Site()
            site.names.six = [[UInt8](repeating: 0, count: 15) + [1]]
            site.names.four = [[127, 0, 0, 77], [127, 0, 0, 1]]
            try site.ask()
            #expect(site.fake.handshakes == 1)
            site.server.retire()
        }
    }

    @Test func `where no address works the name is looked up again`() throws {
        try onHub { _ in
            let site = try Site()
            site.names.four = [[127, 0, 0, 77]]
            #expect(throws: UpstreamFailure.unreachable) { try site.ask() }
            site.names.four = [[127, 0, 0, 1]]
            try sleep(.seconds(2))
            try site.ask()
            #expect(site.bootstrap.queries.count == 4)
            site.server.retire()
        }
    }

    @Test func `an address whose server cannot prove who it is comes last`() throws {
        try onHub { hub in
            let site = try Site { [.send($0.answer()), .close] }
            let hosts = try #require(site.server.hosts)
            site.names.four = [[127, 0, 0, 1], [127, 0, 0, 2]]
            #expect(try hosts.addresses(until: .never).map(\.description) == ["127.0.0.1", "127.0.0.2"])
            hosts.noteFailure(IPAddress("127.0.0.1")!)
            #expect(try hosts.addresses(until: .never).map(\.description) == ["127.0.0.2", "127.0.0.1"])
            hosts.noteSuccess(IPAddress("127.0.0.1")!)
            #expect(try hosts.addresses(until: .never).map(\.description) == ["127.0.0.1", "127.0.0.2"])
            site.server.retire()
        }
    }

    @Test func `a name that nobody knows ends the question in time, and is told as such`() throws {
        try onHub { hub in
            let site = try Site()
            site.names.four = []
            let time = elapsed { #expect(throws: UpstreamFailure.unreachable) { try site.ask() } }
            #expect(time < .seconds(1))
            #expect(site.server.hosts?.trouble == .nameless)
            #expect(site.server.isFailing)
            site.server.retire()
            let silent = try Site()
            silent.names.isSilent = true
            let longer = elapsed { #expect(throws: UpstreamFailure.self) { try silent.ask() } }
            #expect(longer < .milliseconds(4600))
            silent.server.retire()
        }
    }

    @Test func `no more addresses are taken than can be tried`() throws {
        try onHub { _ in
            let site = try Site()
            site.names.four = (1...40).map { [10, 0, 0, UInt8($0)] }
            let hosts = try #require(site.server.hosts)
            #expect(try hosts.addresses(until: .never).count == HostAddresses.mostAddresses)
            site.server.retire()
        }
    }
}
