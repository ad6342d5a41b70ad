import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Daemon

/// What those who watch are told of answers that limits cut, or kept back.
@Suite struct AnswerOutcomeTests {
    /// What was seen of six queries: how often each outcome is told of, how many answers came, how many of them were tapped, and how
    /// many queries count as dropped.
    private struct Found {
        var told: [AnswerOutcome: Int] = [:]
        var sent = 0
        var tapped = 0
        var dropped: UInt64 = 0
    }

    /// How often each outcome is told of where a client asks the same six times, and how many answers there are.
    private func outcomes(
        _ access: ClientAccess = .everybody, isWatched: Bool = true, _ set: (inout RateLimits) -> Void
    ) throws -> Found {
        var rules = ClientRules(access)
        rules.exempt = .nobody
        set(&rules.limits)
        var found = Found()
        try ServingWorld.run(rules: rules) { world throws in
            let watcher = isWatched ? world.shared.tap.watch() : nil
            let reader = isWatched ? world.shared.tap.watchMessages() : nil
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
            found.dropped = world.shared.figures.sum { $0.dropped.value }
            found.tapped = reader?.take().messages.count { $0.kind == .clientResponse } ?? 0
        }
        return found
    }

    @Test(arguments: [true, false]) func `what limits keep back is counted as dropped, watched or not`(_ isWatched: Bool) throws {
        let one = Rate(perSecond: 1, atOnce: 2)
        for set in [
            { ($0.responses, $0.slip) = (one, 0) }, { ($0.queries, $0.slip) = (one, 0) },
        ] as [(inout RateLimits) -> Void] {
            let found = try outcomes(isWatched: isWatched) { set(&$0) }
            #expect(found.dropped == 4 && found.sent == 2 && found.told.isEmpty != isWatched, "\(found)")
        }
        let found = try outcomes(.nobody, isWatched: isWatched) { $0.refusals = one }
        #expect(found.dropped == 4 && found.sent == 2 && found.told.isEmpty != isWatched, "\(found)")
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
