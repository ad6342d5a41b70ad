import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Daemon

/// What those who watch are told of answers that limits cut, or kept back.
@Suite struct AnswerOutcomeTests {
    /// How often each outcome is told of where a client asks the same six times, and how many answers there are.
    private func outcomes(
        _ access: ClientAccess = .everybody, _ set: (inout RateLimits) -> Void
    ) throws -> (told: [AnswerOutcome: Int], sent: Int, tapped: Int) {
        var rules = ClientRules(access)
        rules.exempt = .nobody
        set(&rules.limits)
        var found: (told: [AnswerOutcome: Int], sent: Int, tapped: Int) = ([:], 0, 0)
        try ServingWorld.run(rules: rules) { world throws in
            let watcher = world.shared.tap.watch()
            let reader = world.shared.tap.watchMessages()
            let socket = try DatagramSocket(connectedTo: ServingWorld.address)
            defer { socket.close() }
            for _ in 0..<6 {
                guard var datagram = Datagram(hub: world.hub) else { continue }
                datagram.fill(Message.query("a.example.").wire)
                socket.send(datagram)
            }
            while try socket.receive(until: world.hub.loop.now().advanced(by: .seconds(3)), { _ in found.sent += 1 }) > 0 {}
            for entry in watcher?.take().entries ?? [] {
                found.told[entry.outcome, default: 0] += 1
                #expect(entry.transport == .udp && entry.name == Name("a.example.")?.wire && entry.type == 1)
            }
            found.tapped = reader?.take().messages.count { $0.kind == .clientResponse } ?? 0
        }
        return found
    }

    @Test func `what limits keep back, cut or refuse is told of as that, never as answered`() throws {
        let one = Rate(perSecond: 1, atOnce: 2)
        for (name, expected, sent, set) in [
            ("answers kept back", [.answered: 2, .limited: 4], 2, { ($0.responses, $0.slip) = (one, 0) }),
            ("answers cut", [.answered: 2, .slipped: 4], 6, { ($0.responses, $0.slip) = (one, 1) }),
            ("queries kept back", [.answered: 2, .limited: 4], 2, { ($0.queries, $0.slip) = (one, 0) }),
            ("queries cut", [.answered: 2, .slipped: 4], 6, { ($0.queries, $0.slip) = (one, 1) }),
            ("queries refused", [.answered: 2, .refused: 4], 6, { ($0.queries, $0.slip, $0.refuses) = (one, 0, true) }),
        ] as [(String, [AnswerOutcome: Int], Int, (inout RateLimits) -> Void)] {
            let found = try outcomes { set(&$0) }
            #expect(found.told == expected && found.sent == sent && found.tapped == sent, "\(name): \(found)")
        }
        let found = try outcomes(.nobody) { $0.refusals = one }
        #expect(found.told == [.refused: 2, .limited: 4] && found.sent == 2 && found.tapped == 2, "\(found)")
    }
}
