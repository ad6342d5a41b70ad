import Green
import Testing

@testable import GreenHTTP2

/// What a test's hub stands on.
enum World: CaseIterable, CustomTestStringConvertible {
    case libevent
    case simulated

    var testDescription: String { self == .libevent ? "on libevent" : "simulated" }
}

/// Runs `body` as the root greenlet of a fresh hub, which must be idle afterwards.
@discardableResult
func onHub<Success>(_ world: World = .simulated, _ body: @escaping (Hub) throws -> Success) throws -> Success {
    let simulated = VirtualWorld(seed: 1)
    let loop: any Loop = world == .libevent ? LibeventLoop() : simulated.host.makeLoop()
    let hub = Hub(loop: loop)
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

extension Hub {
    /// A moment so far from now that only a test that fails gets there.
    var soon: Instant { loop.now().advanced(by: .seconds(20)) }
}

/// A server on a free port of the loopback address, started.
func serve(
    _ hub: Hub, limits: HTTP2Limits = HTTP2Limits(), idleLimit: Duration = .seconds(5),
    _ handler: @escaping (HTTP2Message) throws -> HTTP2Response
) throws -> StreamServer {
    let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
    let server = try StreamServer(hub: hub, listener: listener, limit: 100) { connection in
        // What ends a connection is what its client did.
        try? HTTP2Server.serve(connection, limits: limits, idleLimit: idleLimit, handler: handler)
    }
    server.start()
    return server
}

/// A client's connection to it.
func connect(_ hub: Hub, to server: StreamServer, limits: HTTP2Limits = HTTP2Limits()) throws -> HTTP2Client {
    try HTTP2Client(over: try StreamSocket.connect(to: server.address, until: hub.soon), limits: limits)
}

/// The head of a request.
func request(_ path: String, method: String = "GET", _ more: [(String, String)] = []) -> HTTP2Fields {
    var fields = HTTP2Fields([(":method", method), (":scheme", "https"), (":authority", "green.test"), (":path", path)])
    for (name, value) in more { fields.append(name, value) }
    return fields
}

/// Two engines whose bytes go from one to the other, without a network.
struct Pair {
    let client: HTTP2Engine
    let server: HTTP2Engine

    init(client: HTTP2Limits = HTTP2Limits(), server: HTTP2Limits = HTTP2Limits()) throws {
        self.client = try HTTP2Engine(isServer: false, limits: client)
        self.server = try HTTP2Engine(isServer: true, limits: server)
    }

    /// Carries bytes until there are none.
    func exchange() throws {
        for _ in 0..<1000 {
            let (up, down) = (Self.output(client), Self.output(server))
            if up.isEmpty, down.isEmpty { return }
            if !up.isEmpty { try server.receive(up) }
            if !down.isEmpty { try client.receive(down) }
        }
        Issue.record("they never come to an end")
    }

    static func output(_ engine: HTTP2Engine) -> [UInt8] {
        var bytes: [UInt8] = []
        engine.output(to: &bytes)
        return bytes
    }
}

/// The events of an engine so far.
func events(_ engine: HTTP2Engine) -> [HTTP2Engine.Event] {
    var all: [HTTP2Engine.Event] = []
    while let event = engine.next() { all.append(event) }
    return all
}

/// A frame as it stands on the wire (RFC 9113 4.1).
func frame(_ type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    let count = payload.count
    let head = [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
    return head + word(stream) + payload
}

/// Four bytes, big end first.
func word(_ value: Int32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

/// What a client says first.
let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)

/// Random numbers that are the same in each run.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
