import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// Any bytes at all from clients: an answer that can be read, or none; never a crash, a wait or memory that grows.
@Suite struct ListenerMutationTests {
    /// Queries of all kinds that clients send.
    private static let queries: [[UInt8]] = {
        let cookie = EDNSOption(.cookie, [1, 2, 3, 4, 5, 6, 7, 8])
        let subnet = EDNSOption(EDNSOptionCode(rawValue: 8), [0, 1, 24, 0, 192, 0, 2])
        var update = Message.query("example.", .soa)
        update.flags.opcode = Opcode(rawValue: 5)
        update.authorities = [try! ResourceRecord(text: "www.example. 60 IN A 192.0.2.1")]
        var only = Message(id: 9)
        only.edns = EDNS(options: [cookie])
        let long = (0..<4).map { String(repeating: "abcdefghi\($0)", count: 6) }.joined(separator: ".") + ".x."
        let messages: [Message] = [
            .query("www.example."), .query("WwW.ExAmPlE."), .query("."), .query(long, .aaaa, edns: EDNS(dnssecOK: true)),
            .query("www.example.", .mx, edns: EDNS(udpPayloadSize: 4096, options: [cookie, subnet])),
            .query("version.bind.", .txt, class: .chaos), .query("printer.home.", .any, edns: EDNS()),
            .query("example.", RecordType(rawValue: 252)), update, only,
        ]
        return messages.map(\.wire)
    }()

    @Test(arguments: 1...4 as ClosedRange<UInt64>) func `100,000 spoiled queries get a readable answer, or none`(_ seed: UInt64)
        throws
    {
        try ResolverWorld.run {
            $0.hosts = HostsTable.load(Array("192.0.2.7 printer.home".utf8))
            $0.version = "vireo"
        } _: { world throws in
            for query in Self.queries { _ = world.exchange(query) }
            var mutate = Mutation(seed: seed)
            var buffer = [UInt8](repeating: 0, count: 4096)
            var counts: [String: Int] = [:]
            for round in 0..<25_000 {
                let message = Array(mutate(Self.queries[round % Self.queries.count]).prefix(4096))
                for index in message.indices { buffer[index] = message[index] }
                let what = Self.judge(world.resolver, message, &buffer, streams: round % 3 == 0)
                counts[what, default: 0] += 1
                if round % 100 == 0 { try world.hub.yield() }
            }
            // Every way out was taken.
            #expect(Set(counts.keys).isSuperset(of: ["answered", "drop", "wait"]), "\(counts)")
            #expect(counts["answered", default: 0] > 5_000 && world.shared.flightCount == 0)
        }
    }

    /// What became of a message; what was answered must be whole and fit the query.
    private static func judge(
        _ resolver: Resolver, _ message: [UInt8], _ buffer: inout [UInt8], streams: Bool
    ) -> String {
        var query = QueryView()
        var span = buffer.mutableSpan
        switch resolver.begin(&query, length: message.count, in: &span, from: 0, over: streams ? .tcp : .udp) {
        case .drop: return "drop"
        case .wait, .tooLong: return "wait"
        case .answered(let count):
            let answer = Array(buffer[..<count])
            guard let read = try? Message(answer.span) else {
                Issue.record("unreadable: \(answer) to \(message)")
                return "unreadable"
            }
            #expect(Array(answer[..<2]) == Array(message[..<2]) && read.flags.isResponse && !read.flags.isAuthoritative)
            if !streams { #expect(count <= 1232) }
            if read.questions.count == 1 {
                let length = read.questions[0].name.wire.count + 4
                #expect(answer[12..<12 + length] == message[12..<12 + length])
            }
            return "answered"
        }
    }

    @Test func `spoiled queries that need an upstream end with an answer too`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in query.questions[0].name.wire.count % 7 == 0 ? nil : .address(query) }
            var mutate = Mutation(seed: 11)
            let greenlets = (0..<3_000).map { round in
                let message = mutate(Self.queries[round % 5])
                return world.hub.spawn { (message, world.exchange(message)) }
            }
            for greenlet in greenlets {
                let (message, answer) = try greenlet.get()
                guard let answer else {
                    #expect(message.count < 12 || message[2] & 0x80 != 0)
                    continue
                }
                let read = try Message(answer.span)
                #expect(answer.count <= 1232 && read.flags.isResponse && Array(answer[..<2]) == Array(message[..<2]))
            }
            #expect(world.shared.flightCount == 0 && world.resolver.waitingCount == 0)
        }
    }
}
