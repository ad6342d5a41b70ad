import Belief
import DNSWire
import Green
import Testing

@testable import Upstream

/// Damaged replies. Seeded: what fails once fails again.
@Suite struct `Damaged replies` {
    /// Replies of every kind to one query.
    static func originals(_ query: FakeQuery) -> [[UInt8]] {
        let alias = [0xC0, 12] + word(5) + word(1) + [0, 0, 1, 0] + word(6) + [3] + Array("www".utf8) + [0xC0, 16]
        let text = [0xC0, 12] + word(16) + word(1) + [0, 0, 1, 0] + word(9) + [8] + Array("abcdefgh".utf8)
        return [
            query.answer(), query.reply(.nxDomain), query.reply(.servFail, errors: [22, 6]), query.bare(.formErr),
            query.reply(flags: 0x200), query.reply(answers: [alias, text, text]), query.reply(.badVers),
            query.folded(query.answer()), query.reply(id: query.id ^ 3),
        ]
    }

    /// Changes, cuts, doubles or adds bytes; the id is mostly left alone, so that damage gets behind the first check.
    static func damage(_ bytes: inout [UInt8], _ numbers: inout SeededNumbers) {
        for _ in 0..<Int.random(in: 1...4, using: &numbers) where bytes.count > 2 {
            let place = Int.random(in: Int.random(in: 0..<9, using: &numbers) == 0 ? 0..<2 : 2..<bytes.count, using: &numbers)
            switch Int.random(in: 0..<8, using: &numbers) {
            case 0: bytes.removeLast(bytes.count - place)
            case 1: bytes.insert(.random(in: 0...255, using: &numbers), at: place)
            case 2: bytes.remove(at: place)
            case 3: bytes[place] = 0xC0 | .random(in: 0...1, using: &numbers)
            case 4: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &numbers)
            case 5: bytes.append(contentsOf: bytes[place...].prefix(40))
            default: bytes[place] = .random(in: 0...255, using: &numbers)
            }
        }
    }

    @Test func `120,000 damaged replies are judged, and none that is believed is broken`() throws {
        var numbers = SeededNumbers(seed: 20_262)
        var counts: [String: Int] = [:]
        for round in 0..<120 {
            let asked = question("www.Example\(round).com", .a)
            let form = Questions.form(&numbers)
            let query = FakeQuery(bytes: Questions.written(asked, form), transport: .udp, number: 0, path: 0)
            let originals = Self.originals(query)
            for _ in 0..<1000 {
                var bytes = originals.randomElement(using: &numbers)!
                Self.damage(&bytes, &numbers)
                let match = Questions.match(asked, bytes, form)
                counts["\(match)", default: 0] += 1
                guard match == .answer else { continue }
                guard case .answer(let answer) = Belief.read(bytes, to: asked.asked, rules) else { continue }
                counts["final", default: 0] += 1
                // What is believed can be walked to its end.
                var records = try MessageView(answer.message(to: asked.asked).span).records()
                while try records.next() != nil {}
            }
        }
        for kind in ["answer", "stray", "otherLetters", "withoutQuestion", "final"] {
            #expect(counts[kind, default: 0] > 500, "\(kind)")
        }
    }

    @Test(arguments: [UpstreamAddress.Transport.udp, .tcp], World.allCases)
    func `thousands of damaged replies come over sockets, and every question ends`(
        _ transport: UpstreamAddress.Transport, _ world: World
    ) throws {
        try onHub(world) { hub in
            var numbers = SeededNumbers(seed: transport == .udp ? 3 : 4)
            var sent = 0
            let upstream = try FakeUpstream(transport: transport) { query in
                var acts: [FakeAct] = []
                for _ in 0..<Int.random(in: 0...6, using: &numbers) {
                    var bytes = Self.originals(query).randomElement(using: &numbers)!
                    Self.damage(&bytes, &numbers)
                    acts.append(.send(bytes))
                    sent += 1
                }
                if Int.random(in: 0..<50, using: &numbers) == 0 { acts.append(.close) }
                return acts + [.send(query.answer())]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            var ended = 0
            for _ in 0..<20 {
                let askers = (0..<50).map { _ in
                    hub.spawn {
                        defer { ended += 1 }
                        return try forwarder.ask(question("www.example.com"))
                    }
                }
                for asker in askers { _ = try? asker.get() }
            }
            #expect(ended == 1000)
            #expect(sent > 2000)
            // It is as well as before.
            upstream.behavior = { [.send($0.answer())] }
            upstream.forget()
            _ = try ask(upstream)
        }
    }
}
