import Belief
import DNSWire
import Green
import Testing

@testable import Upstream

/// What a test's hub stands on.
enum World: CaseIterable, CustomTestStringConvertible {
    case libevent
    case simulated

    var testDescription: String { self == .libevent ? "on libevent" : "simulated" }
}

/// Runs `body` as the root greenlet of a fresh hub, which must be idle afterwards.
@discardableResult
func onHub<Success>(
    _ world: World = .simulated, seed: UInt64 = 1, options: HubOptions = HubOptions(),
    _ body: @escaping (Hub) throws -> Success
) throws -> Success {
    let simulated = VirtualWorld(seed: seed)
    let loop: any Loop = world == .libevent ? LibeventLoop() : simulated.host.makeLoop()
    let hub = Hub(loop: loop, options: options)
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

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

/// A name's wire form; dots part labels, nothing is escaped.
func wire(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

/// Two bytes, big end first.
func word(_ value: some BinaryInteger) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
}

/// The question for a name.
func question(_ name: String, _ type: RecordType = .a, dnssecOK: Bool = false) -> UpstreamQuestion {
    let bytes = wire(name)
    let flags = KeyFlags(dnssecOK: dnssecOK, checkingDisabled: false)
    return UpstreamQuestion([UInt8](copying: FixedName(try! NameView(bytes.span, at: 0)).span), type, .internet, flags: flags)
}

/// By what the tests judge replies.
let rules = Belief.Rules(seed: 1)

extension Forwarder {
    /// Asks, and judges by the tests' rules.
    func ask(_ question: UpstreamQuestion) throws(UpstreamFailure) -> UpstreamReply {
        try ask(question, rules, until: Hub.current.loop.now().advanced(by: Self.questionLimit))
    }
}

/// Asks fake upstreams in order, as servers that nobody asked before.
func ask(
    _ upstreams: [FakeUpstream], _ name: String = "www.example.com", tryLimit: Duration = .seconds(2)
) throws -> UpstreamReply {
    try Forwarder(hub: .current, servers: upstreams.map(\.server), tryLimit: tryLimit).ask(question(name))
}

/// Asks one fake upstream.
func ask(_ upstream: FakeUpstream, _ name: String = "www.example.com", tryLimit: Duration = .seconds(2)) throws -> UpstreamReply {
    try ask([upstream], name, tryLimit: tryLimit)
}

extension UpstreamServer {
    /// Sockets that are open, of both kinds.
    var openChannels: Int { datagrams.openCount + ownPortCount + streams.openCount }
}

/// How long something took on the running hub's clock.
func elapsed(_ body: () throws -> Void) rethrows -> Duration {
    let hub = Hub.current
    let before = hub.loop.now()
    try body()
    return before.duration(to: hub.loop.now())
}

/// The last byte of the address in an answer of a fake upstream.
func address(_ reply: UpstreamReply) -> UInt8? {
    let answer = reply.answer
    let records = answer.records
    return records.isEmpty ? nil : records[records.count - 1]
}

/// Lets others run until `condition` holds; false when it does not within 20 s.
func eventually(_ condition: () -> Bool) throws -> Bool {
    let hub = Hub.current
    let deadline = hub.loop.now().advanced(by: .seconds(20))
    while !condition() {
        if hub.loop.now() > deadline { return false }
        try sleep(.milliseconds(1))
    }
    return true
}
