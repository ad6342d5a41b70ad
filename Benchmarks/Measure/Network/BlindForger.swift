internal import Belief
internal import DNSWire
internal import Green
internal import Upstream

/// Somebody who sends answers in an upstream's name without seeing its questions, while 100 of them are always under way.
struct BlindForger {
    /// How many answers are forged.
    let datagrams: Int

    /// What the forger has found out by other means.
    private enum Knowledge: String, CaseIterable {
        /// The name that is asked, and nothing else.
        case name = "name"
        /// The port as well.
        case port = "name and port"
        /// The letters of the name as well, or there are none in it.
        case letters = "name, port and letters"
    }

    /// Ports are drawn from so many.
    private static let portCount = 64_512

    /// Measures each kind of forger.
    func measure() throws {
        for knowledge in Knowledge.allCases { try measure(knowledge) }
    }

    private func measure(_ knowledge: Knowledge) throws {
        try NetworkFigures.run { hub in
            let server = try SimulatedServer { _ in .milliseconds(200) }
            server.keeps = 100
            let upstream = server.upstream(1)
            let forwarder = Forwarder(hub: hub, servers: [upstream], tryLimit: .seconds(2))
            var (isOver, asked, forged, failed, number) = (false, 0, 0, 0, 0)
            let group = Group()
            for _ in 0..<100 {
                try group.spawn {
                    while !isOver {
                        number += 1
                        let begun = hub.loop.now()
                        asked += 1
                        let reply = try? forwarder.ask(
                            NetworkFigures.question(number), Belief.Rules(seed: 7),
                            until: begun.advanced(by: Forwarder.questionLimit))
                        if let answer = reply?.answer {
                            if answer.records[answer.records.count - 1] == 66 { forged += 1 }
                        } else {
                            failed += 1
                        }
                    }
                }
            }
            try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(100)))
            let chance = try forge(knowledge, as: server, hub)
            isOver = true
            try group.join()
            print(
                #"{"figure": "forged answers", "knows": "\#(knowledge.rawValue)", "datagrams": \#(datagrams), "#
                    + #""questions": \#(asked), "failed": \#(failed), "accepted": \#(forged), "by_chance": \#(chance)}"#)
        }
    }

    /// Sends all of them: how many would be right by chance.
    private func forge(_ knowledge: Knowledge, as server: SimulatedServer, _ hub: Hub) throws -> Double {
        var chance = 0.0
        for count in 0..<datagrams {
            let random = hub.loop.random()
            // 10,000 a second.
            if count % 10 == 0 { try hub.sleep(until: hub.loop.now().advanced(by: .milliseconds(1))) }
            guard !server.questions.isEmpty else { continue }
            let (query, path) = server.questions[Int(random >> 40) % server.questions.count]
            var answer = SimulatedServer.answer(to: query, last: 66)
            answer[0] = UInt8(truncatingIfNeeded: random)
            answer[1] = UInt8(truncatingIfNeeded: random >> 8)
            var probability = 1.0 / 65_536
            if knowledge != .letters { probability *= Self.shuffleLetters(of: &answer, hub.loop.random()) }
            if knowledge == .name {
                probability /= Double(Self.portCount)
                // A guess at the port is one at a closed port, but for one in so many.
                guard Int(random >> 16) % Self.portCount == 0 else {
                    chance += probability
                    continue
                }
            }
            chance += probability
            server.send(answer, to: path)
        }
        return chance
    }

    /// Guesses the letters of a name: how probable it is to guess right.
    private static func shuffleLetters(of answer: inout [UInt8], _ random: UInt64) -> Double {
        var (position, probability, bits) = (12, 1.0, random)
        while answer[position] != 0 {
            let end = position + 1 + Int(answer[position])
            for index in position + 1..<end where (0x61...0x7A).contains(answer[index] | 0x20) {
                answer[index] = answer[index] | 0x20 ^ (bits & 1 == 1 ? 0x20 : 0)
                bits >>= 1
                probability /= 2
            }
            position = end
        }
        return probability
    }
}
