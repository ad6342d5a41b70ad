import Glibc
import Green
import GreenTLS
import Synchronization
import Testing

@Suite struct TLSTests {
    static let certificates = Certificates.shared

    @Test(arguments: World.allCases) func `bytes go both ways at the same time`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            let socket = try connect(hub, to: server, Self.certificates.client())
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
            let writer = hub.spawn { try socket.write(sent, until: hub.soon) }
            var received: [UInt8] = []
            while received.count < sent.count {
                received += try socket.read(upTo: 7_000, until: hub.soon)
            }
            try writer.get()
            #expect(received == sent)
            #expect(socket.version == "TLSv1.3")
            socket.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test(arguments: World.allCases, ["example.org", "192.0.2.1"])
    func `a certificate for another host is refused`(_ world: World, _ host: String) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            let failure = #expect(throws: TLSError.self) {
                _ = try connect(hub, to: server, Self.certificates.client(), host: host)
            }
            guard case .certificate(let reason) = failure else { Issue.record("\(String(describing: failure))"); return }
            #expect(reason.contains("mismatch"))
            server.stop()
        }
    }

    @Test(arguments: World.allCases, ["green.test", "127.0.0.1"])
    func `a certificate for the name or the address is taken`(_ world: World, _ host: String) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            let socket = try connect(hub, to: server, Self.certificates.client(), host: host)
            socket.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a certificate that nobody vouches for is refused`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server("other"), handler: echo)
            for context in [try Self.certificates.client(), try TLSContext.client()] {
                let failure = #expect(throws: TLSError.self) { _ = try connect(hub, to: server, context) }
                guard case .certificate = failure else { Issue.record("\(String(describing: failure))"); return }
            }
            let careless = try Self.certificates.client { $0.verification = .none }
            let socket = try connect(hub, to: server, careless)
            socket.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test func `a context for the other side is reported as what it is`() async throws {
        let client = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let context = try TLSContext.client()
            try onHub { hub in _ = try TLSSocket.accept(over: try TLSTests.stream(hub), context: context, until: hub.soon) }
        }
        #expect(Self.text(client).contains("Green: a client's TLS context for a server's connection"))
        let files = ["good.pem", "good.key"].map(Self.certificates.file)
        let server = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [files = files as [String]] in
            let identity = TLSIdentity(certificateFile: files[0], keyFile: files[1])
            let context = try TLSContext.server(TLSServerOptions(identity: identity))
            try onHub { hub in
                _ = try TLSSocket.connect(over: try TLSTests.stream(hub), host: "green.test", context: context, until: hub.soon)
            }
        }
        #expect(Self.text(server).contains("Green: a server's TLS context for a client's connection"))
    }

    /// A connection to a listener that nobody serves.
    static func stream(_ hub: Hub) throws -> StreamSocket {
        let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
        return try StreamSocket.connect(to: listener.address, until: hub.soon)
    }

    private static func text(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }

    @Test(arguments: World.allCases) func `a server that wants certificates refuses who has none`(_ world: World) throws {
        try onHub(world) { hub in
            let trust = TLSTrust.file(Self.certificates.file("good.pem"))
            let server = try serve(hub, Self.certificates.server { $0.clientTrust = trust }, handler: echo)
            let known = try connect(hub, to: server, Self.certificates.client { $0.identity = Self.certificates.identity() })
            try known.write([1], until: hub.soon)
            #expect(try known.read(upTo: 1, until: hub.soon) == [1])
            known.finish(until: hub.soon)
            // With TLS 1.3 a client learns only afterwards that it was refused.
            #expect(throws: (any Error).self) {
                let unknown = try connect(hub, to: server, Self.certificates.client())
                try unknown.write([1], until: hub.soon)
                _ = try unknown.read(upTo: 1, until: hub.soon)
            }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `the server's first choice among the offered protocols is taken`(_ world: World) throws
    {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server { $0.protocols = ["dot", "h2"] }) { socket in
                #expect(socket.requestedHost == "green.test")
                try echo(socket)
            }
            let socket = try connect(hub, to: server, Self.certificates.client { $0.protocols = ["h2", "dot"] })
            #expect(socket.negotiatedProtocol == "dot")
            socket.finish(until: hub.soon)
            #expect(throws: TLSError.self) {
                _ = try connect(hub, to: server, Self.certificates.client { $0.protocols = ["spdy"] })
            }
            let silent = try connect(hub, to: server, Self.certificates.client())
            #expect(silent.negotiatedProtocol == nil)
            silent.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `the second connection resumes the session of the first`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            let context = try Self.certificates.client()
            let forgetful = try Self.certificates.client { $0.resumesSessions = false }
            for (context, resumed) in [(context, false), (context, true), (forgetful, false), (forgetful, false)] {
                let socket = try connect(hub, to: server, context)
                try socket.write([1], until: hub.soon)
                _ = try socket.read(upTo: 1, until: hub.soon)
                #expect(socket.isResumed == resumed)
                socket.finish(until: hub.soon)
            }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `each resumed connection is given a ticket for the next`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server { $0.ticketKeys = TLSTicketKeys() }, handler: echo)
            let context = try Self.certificates.client()
            for number in 0..<5 {
                let socket = try connect(hub, to: server, context)
                try socket.write([1], until: hub.soon)
                _ = try socket.read(upTo: 1, until: hub.soon)
                #expect(socket.isResumed == (number > 0), "\(number)")
                socket.finish(until: hub.soon)
            }
            server.stop()
        }
    }

    @Test func `a session ends with the client's certificate that it stands for`() throws {
        /// What the server takes for the time of day: so many hours from now.
        final class Clock: Sendable {
            let hours = Atomic<Int64>(25)
            var seconds: Int64 { Int64(time(nil)) + hours.load(ordering: .relaxed) * 3600 }
        }
        let clock = Clock()
        let keys = TLSTicketKeys(secret: [UInt8](repeating: 7, count: 32)) { clock.seconds }
        try onHub { hub in
            let context = try Self.certificates.server {
                ($0.ticketKeys, $0.clientTrust) = (keys, .file(Self.certificates.file("good.pem")))
            }
            let server = try serve(hub, context, handler: echo)
            let client = try Self.certificates.client { $0.identity = Self.certificates.identity() }
            // The certificate is good for two days.
            for (hours, isGood) in [(Int64(25), true), (26, true), (49, false)] {
                clock.hours.store(hours, ordering: .relaxed)
                let answer = try? { () throws -> Bool in
                    let socket = try connect(hub, to: server, client)
                    try socket.write([1], until: hub.soon)
                    _ = try socket.read(upTo: 1, until: hub.soon)
                    defer { socket.finish(until: hub.soon) }
                    return socket.isResumed
                }()
                #expect(answer == (isGood ? hours > 25 : nil), "\(hours)")
            }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a farewell is told from a stream that was cut off`(_ world: World) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server()) { socket in
                if try socket.read(upTo: 1, until: hub.soon) == [0] { socket.close() }
            }
            let polite = try connect(hub, to: server, Self.certificates.client())
            try polite.write([1], until: hub.soon)
            #expect(try polite.read(upTo: 10, until: hub.soon) == [])
            let cut = try connect(hub, to: server, Self.certificates.client())
            try cut.write([0], until: hub.soon)
            #expect(throws: TLSError.truncated) { _ = try cut.read(upTo: 10, until: hub.soon) }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a server takes no more than its limit, and a stop lets who is there go on`(
        _ world: World
    ) throws {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            server.limit = 1
            let socket = try connect(hub, to: server, Self.certificates.client())
            #expect(throws: (any Error).self) { try connect(hub, to: server, Self.certificates.client()) }
            #expect(server.refusedCount == 1)
            let stopping = hub.spawn { try server.stop(until: hub.soon) }
            try yield()
            try socket.write([1, 2, 3], until: hub.soon)
            #expect(try socket.read(upTo: 3, until: hub.soon) == [1, 2, 3])
            #expect(!stopping.isDone && server.connectionCount == 1)
            socket.finish(until: hub.soon)
            try stopping.get()
            #expect(server.connectionCount == 0)
        }
    }

    @Test(arguments: World.allCases) func `a read may time out and be done again`(_ world: World) throws {
        try onHub(world) { hub in
            let go = Event(hub: hub)
            let server = try serve(hub, Self.certificates.server()) { socket in
                try go.wait()
                try socket.write([7], until: hub.soon)
            }
            let socket = try connect(hub, to: server, Self.certificates.client())
            #expect(throws: SocketError.timedOut) { _ = try socket.read(upTo: 1, until: hub.after(.milliseconds(20))) }
            go.set()
            #expect(try socket.read(upTo: 1, until: hub.soon) == [7])
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a peer that takes nothing makes a write time out and closes it`(_ world: World) throws
    {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server()) { _ in try sleep(.seconds(3600)) }
            let socket = try connect(hub, to: server, Self.certificates.client())
            let much = [UInt8](repeating: 1, count: 20_000_000)
            #expect(throws: SocketError.timedOut) { try socket.write(much, until: hub.after(.milliseconds(300))) }
            #expect(!socket.isOpen)
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `garbage and silence end in a failed handshake and harm nobody else`(_ world: World)
        throws
    {
        try onHub(world) { hub in
            let server = try serve(hub, Self.certificates.server(), handler: echo)
            server.handshakeLimit = .milliseconds(100)
            var generator = SeededGenerator(seed: 7)
            for _ in 0..<20 {
                let stream = try StreamSocket.connect(to: server.address, until: hub.soon)
                // A record's head makes OpenSSL read on; what follows it is noise.
                let noise = (0..<200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                try stream.write([0x16, 3, 1, 0, 100] + noise, until: hub.soon)
                while (try? stream.read(upTo: 100, until: hub.soon))?.isEmpty == false {}
            }
            let silent = try StreamSocket.connect(to: server.address, until: hub.soon)
            #expect(try silent.read(upTo: 1, until: hub.soon) == [])
            #expect(server.failedHandshakes == 21)
            let socket = try connect(hub, to: server, Self.certificates.client())
            socket.finish(until: hub.soon)
            server.stop()
        }
    }

    @Test func `a context says which file it cannot use`() throws {
        let missing = TLSServerOptions(identity: TLSIdentity(certificateFile: "/nowhere.pem", keyFile: "/nowhere.key"))
        let failure = #expect(throws: TLSError.self) { _ = try TLSContext.server(missing) }
        #expect(failure.map { "\($0)" }?.hasPrefix("/nowhere.pem: ") == true)
        var mixed = Self.certificates.identity()
        mixed.keyFile = Self.certificates.file("other.key")
        #expect(throws: TLSError.self) { _ = try TLSContext.server(TLSServerOptions(identity: mixed)) }
    }
}

/// Random numbers that are the same in each run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
