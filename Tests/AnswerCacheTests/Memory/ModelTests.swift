import Belief
import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `The cache against a dictionary` {
    /// What a question is.
    private struct Question: Hashable {
        var name: Int
        var type: RecordType
        var dnssecOK: Bool
        var checkingDisabled: Bool
        var text: String { "n\(name).z\(name % 7).example" }
        /// The same for a name that does not exist, whatever the type.
        var absence: Question { Question(name: name, type: .allTypes, dnssecOK: dnssecOK, checkingDisabled: checkingDisabled) }
    }

    /// What the dictionary knows of an answer.
    private struct Known {
        var storedAt: UInt32
        var lifetime: UInt32
        var ttls: [UInt32]
        var mark: UInt8
        var isNegative: Bool
    }

    /// The cache, the dictionaries and the clock.
    private struct World {
        var client: TestClient
        var answers: [Question: Known] = [:]
        var failures: [Question: (at: UInt32, lifetime: UInt32)] = [:]
        var now: UInt32 = 1000
        var numbers: SeededNumbers
        var hits = 0

        /// A question out of a few hundred.
        mutating func question() -> Question {
            Question(
                name: Int.random(in: 0..<200, using: &numbers), type: Bool.random(using: &numbers) ? .a : .txt,
                dnssecOK: Bool.random(using: &numbers), checkingDisabled: Int.random(in: 0..<8, using: &numbers) == 0)
        }

        mutating func storePositive() {
            let question = question()
            let mark = UInt8.random(in: 0...255, using: &numbers)
            var reply = TestReply(name: question.text, type: question.type)
            var ttls: [UInt32] = []
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let ttl = UInt32.random(in: 0...60, using: &numbers)
                ttls.append(ttl)
                reply.add(.answer, "@", question.type, ttl, [3, mark, mark, mark])
            }
            // An RRset has one TTL.
            let life = ttls.min()!
            let shown = ttls.map { _ in life }
            put(question, reply, Known(storedAt: now, lifetime: life, ttls: shown, mark: mark, isNegative: false))
        }

        mutating func storeNegative() {
            let question = question()
            let ttl = UInt32.random(in: 0...60, using: &numbers)
            let minimum = UInt32.random(in: 0...60, using: &numbers)
            var reply = TestReply.negative(
                question.text, rcode: .nxDomain, zone: "example", soaTTL: ttl, minimum: minimum)
            reply.type = question.type
            let life = min(ttl, minimum, 40)
            put(question, reply, Known(storedAt: now, lifetime: life, ttls: [life], mark: 0, isNegative: true))
        }

        /// Stores in both; a TTL of 0 ends what was known, with DO and without, where its time is over.
        private mutating func put(_ question: Question, _ reply: TestReply, _ known: Known) {
            let result = client.store(
                reply, dnssecOK: question.dnssecOK, checkingDisabled: question.checkingDisabled, at: now)
            guard known.lifetime > 0 else {
                #expect(result == .notKept(.answer(.zeroTTL)))
                var other = question
                other.dnssecOK.toggle()
                for key in [question, question.absence, other, other.absence] {
                    if let old = answers[key], now - old.storedAt >= old.lifetime { answers[key] = nil }
                }
                return
            }
            #expect(result == .stored(seconds: known.lifetime))
            answers[question] = nil
            answers[question.absence] = nil
            answers[known.isNegative ? question.absence : question] = known
            failures[question] = nil
        }

        mutating func storeFailure() {
            let question = question()
            let reply = TestReply(name: question.text, type: question.type, rcode: 2)
            var lifetime: UInt32 = 1
            if let last = failures[question] {
                if now < last.at + last.lifetime {
                    lifetime = last.lifetime
                } else if now - last.at - last.lifetime <= 300 {
                    lifetime = min(300, 2 * last.lifetime)
                }
            }
            let result = client.store(
                reply, dnssecOK: question.dnssecOK, checkingDisabled: question.checkingDisabled, at: now)
            #expect(result == .stored(seconds: lifetime))
            failures[question] = (now, lifetime)
        }

        mutating func ask() throws {
            let question = question()
            let answer = try client.ask(
                question.text, question.type, dnssecOK: question.dnssecOK,
                checkingDisabled: question.checkingDisabled, at: now)
            let known = [answers[question], answers[question.absence]].compactMap { $0 }.first { now - $0.storedAt < $0.lifetime }
            if let known {
                hits += 1
                let age = now - known.storedAt
                #expect(answer?.ttls == known.ttls.map { $0 - age })
                #expect(answer?.stored.isNegative == known.isNegative)
                if !known.isNegative { #expect(answer?.records.allSatisfy { $0.rdata[1] == known.mark } == true) }
            } else if let failure = failures[question], now - failure.at < failure.lifetime {
                #expect(answer?.stored.isFailure == true)
            } else {
                #expect(answer == nil)
            }
        }

        mutating func remove() {
            let question = question()
            let expected =
                answers.keys.count { $0.name == question.name && [question.type, .allTypes].contains($0.type) }
                + failures.keys.count { $0.name == question.name && $0.type == question.type }
            #expect(client.cache.remove(TestReply.fixed(question.text), question.type) == expected)
            answers = answers.filter { $0.key.name != question.name || ![question.type, .allTypes].contains($0.key.type) }
            failures = failures.filter { $0.key.name != question.name || $0.key.type != question.type }
        }

        mutating func removeZone() {
            let zone = Int.random(in: 0..<7, using: &numbers)
            let expected = answers.keys.count { $0.name % 7 == zone } + failures.keys.count { $0.name % 7 == zone }
            #expect(client.cache.remove(.subtree(TestReply.fixed("z\(zone).example"))) == expected)
            answers = answers.filter { $0.key.name % 7 != zone }
            failures = failures.filter { $0.key.name % 7 != zone }
        }
    }

    @Test func `thousands of random operations give what a dictionary gives`() throws {
        var world = World(
            client: try TestClient(sizeBytes: 1 << 20, limits: TTLLimits(negativeSeconds: 40)),
            numbers: SeededNumbers(seed: 77))
        for _ in 0..<Sanitizer.rounds(100_000) {
            switch Int.random(in: 0..<1000, using: &world.numbers) {
            case 0 where Bool.random(using: &world.numbers): world.removeZone()
            case 0..<10: world.remove()
            case 10..<30: world.now += UInt32.random(in: 0...2, using: &world.numbers)
            case 30..<31:
                world.client.cache.forgetFailures()
                // What was forgotten takes its place until it is replaced or removed.
                for question in world.failures.keys { world.failures[question] = (0, 0) }
            case 31..<100: world.storeFailure()
            case 100..<200: world.storeNegative()
            case 200..<400: world.storePositive()
            default: try world.ask()
            }
        }
        #expect(world.client.cache.statistics.entries == world.answers.count + world.failures.count)
        #expect(world.client.cache.statistics.evicted == 0)
        #expect(world.hits > Sanitizer.rounds(8_000))
    }
}
