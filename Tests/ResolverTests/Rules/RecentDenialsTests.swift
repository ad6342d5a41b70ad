import DNSWire
import TestSupport
import Testing

@testable import Resolver

/// What is remembered of denials.
@Suite struct RecentDenialsTests {
    /// The denials that a table still knows of so many, each noted once, in turn.
    private static func known(of count: Int, groups: [Int?] = [nil]) -> Int {
        var denials = RecentDenials()
        let told = ToldDenial(Denial(.nxdomain), to: .a)
        let questions = (0..<count).map { Message.query("n\($0).ads.example.").wire }
        func ask(_ body: (inout QueryView, Int?) -> Void) {
            for question in questions {
                var query = QueryView()
                guard query.read(question.span, seed: 7) == .query else { continue }
                for group in groups { body(&query, group) }
            }
        }
        ask { denials.note(told, &$0, $1) }
        var known = 0
        ask { if denials.find(&$0, $1) === told { known += 1 } }
        return known
    }

    @Test func `nearly all of some hundred names are known, for a newer one pushes out the oldest of four alone`() {
        #expect(Self.known(of: 1) == 1)
        #expect(Self.known(of: 500) >= 495)
        #expect(Self.known(of: 250, groups: [nil, 3]) >= 495)
    }

    @Test func `however many there are, no more are known than the table holds`() {
        #expect((3_000...4_096).contains(Self.known(of: 20_000)))
    }

    @Test func `what may have been denied is told by the hash alone, hardly ever wrongly, and to all groups alike`() {
        var denials = RecentDenials()
        let told = ToldDenial(Denial(.nxdomain), to: .a)
        func ask<Result>(_ name: String, _ body: (inout QueryView) -> Result) -> Result {
            let wire = Message.query(name).wire
            var query = QueryView()
            let isRead = query.read(wire.span, seed: 7) == .query
            #expect(isRead)
            return body(&query)
        }
        #expect(!(0..<1_000).contains { ask("n\($0).example.") { denials.mayHave($0.hash) } })
        for number in 0..<500 { ask("n\(number).ads.example.") { denials.note(told, &$0, number % 64) } }
        #expect((0..<500).count { ask("n\($0).ads.example.") { denials.mayHave($0.hash) } } >= 495)
        #expect((0..<10_000).count { ask("n\($0).example.") { denials.mayHave($0.hash) } } <= 10)
    }

    @Test func `what is noted again takes no second place`() {
        var denials = RecentDenials()
        let told = ToldDenial(Denial(.nxdomain), to: .a)
        let wires = (0..<4_000).map { Message.query("n\($0).ads.example.").wire }
        func ask<Result>(_ number: Int, _ body: (inout QueryView) -> Result) -> Result {
            let wire = wires[number]
            var query = QueryView()
            let isRead = query.read(wire.span, seed: 7) == .query
            #expect(isRead)
            return body(&query)
        }
        // Three of one set.
        let set = ask(0) { $0.hash & 1023 }
        let same = wires.indices.filter { ask($0) { $0.hash & 1023 } == set }.prefix(3)
        for number in [0, 0, 0, 0] + same { ask(number) { denials.note(told, &$0, nil) } }
        for number in same { #expect(ask(number) { denials.find(&$0, nil) } === told) }
    }

    @Test func `another type, another group and one that is told no reason are not known by it`() {
        var denials = RecentDenials()
        func find(_ message: Message, _ group: Int?) -> Bool {
            var query = QueryView()
            let wire = message.wire
            return query.read(wire.span, seed: 7) == .query && denials.find(&query, group) != nil
        }
        let wire = Message.query("ads.example.").wire
        var query = QueryView()
        #expect(query.read(wire.span, seed: 7) == .query)
        denials.note(ToldDenial(Denial(.nxdomain), to: .a), &query, 1)
        #expect(find(.query("ads.example."), 1) && find(.query("ADS.example."), 1))
        #expect(!find(.query("ads.example."), nil) && !find(.query("ads.example."), 2))
        #expect(!find(.query("ads.example.", .aaaa), 1) && !find(.query("ads.example.", edns: EDNS()), 1))
        #expect(!find(.query("a.ads.example."), 1))
    }
}
