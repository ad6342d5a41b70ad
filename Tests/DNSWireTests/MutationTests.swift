import DNSWire
import TestSupport
import Testing

/// Any bytes at all may arrive. What is changed, cut and spliced here must be read or refused, and nothing else.
@Suite struct MutationTests {
    /// How many runs there are side by side.
    static let shards = 8
    /// How many changed messages each run tries.
    static let perShard = Sanitizer.rounds(13_000)

    /// A copy of a message with a few bytes changed, cut out, put in or copied from elsewhere.
    static func mutate(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var message = original
        for _ in 0...random.below(4) {
            guard !message.isEmpty else { return message }
            let place = random.below(message.count)
            switch random.below(8) {
            case 0: message[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: message[place] ^= 1 << UInt8(random.below(8))
            case 2: message[place] = [0, 1, 0x3F, 0x40, 0xC0, 0xFF][random.below(6)]
            case 3: message.removeSubrange(place..<min(message.count, place + 1 + random.below(4)))
            case 4: message.insert(contentsOf: random.bytes(1...4), at: place)
            case 5: message.removeLast(message.count - place)
            case 6:
                guard place + 1 < message.count else { continue }
                message[place] = 0xC0
                message[place + 1] = UInt8(random.below(min(256, message.count)))
            default: message[min(message.count - 1, 4 + random.below(8))] = UInt8(random.below(4))
            }
        }
        return message
    }

    /// Walks a message in place as a cache would, and copies every record that it reaches.
    static func walk(_ message: [UInt8], into buffer: inout [UInt8]) throws(WireError) {
        let view = try MessageView(message.span)
        var records = try view.records()
        var builder = MessageBuilder(buffer.mutableSpan, id: view.id, flags: view.flags)
        while let record = try records.next() { try builder.append(record, to: record.section) }
    }

    @Test(arguments: 0..<shards) func `changed answers are read or refused`(shard: Int) throws {
        var random = SeededGenerator(state: 4711 + UInt64(shard))
        var seeds = try GoldenAnswer.all().map(\.answer)
        var messages = RandomMessages(seed: UInt64(shard))
        for _ in 0..<100 { seeds.append(try messages.message().encoded()) }
        var query = QueryView()
        var buffer = [UInt8](repeating: 0, count: 8192)
        var read = 0
        for _ in 0..<Self.perShard {
            let message = Self.mutate(seeds[random.below(seeds.count)], &random)
            _ = query.read(message.span, seed: 1)
            try? Self.walk(message, into: &buffer)
            guard let decoded = try? Message(message.span) else { continue }
            read += 1
            let written = try decoded.encoded()
            try #require(try Message(written.span) == decoded)
        }
        // Enough must get through for the second half of this test to mean something.
        #expect(read > Self.perShard / 20)
    }

    @Test(arguments: 0..<shards) func `changed queries are read or refused`(shard: Int) throws {
        var random = SeededGenerator(state: 1147 + UInt64(shard))
        let seeds = try GoldenAnswer.all().map(\.query)
        var query = QueryView()
        var verdicts: Set<QueryView.Verdict> = []
        for _ in 0..<Self.perShard {
            let message = Self.mutate(seeds[random.below(seeds.count)], &random)
            let verdict = query.read(message.span, seed: 1)
            verdicts.insert(verdict)
            // What is a query here must be one for the reader of whole messages, too, but for data it would look into.
            if verdict == .query {
                let view = try MessageView(message.span)
                try #require(view.questionCount == 1)
                let same = try view.question()?.name.isEqual(to: query.name.view)
                try #require(same == true)
            }
        }
        #expect(verdicts.contains(.query) && verdicts.contains(.refuse(.formErr)) && verdicts.contains(.drop))
        #expect(verdicts.contains(.refuse(.notImp)))
    }
}
