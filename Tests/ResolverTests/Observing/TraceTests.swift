import AnswerCache
import CAllocationCount
import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Resolver

/// Traces of some queries and of slow questions, as spans.
@Suite struct TraceTests {
    private func spans(_ watcher: QueryTap.TraceWatcher) throws -> [DecodedSpan] {
        try watcher.take().records.flatMap { record in
            let spans = try DecodedSpan.all(inScope: record.bytes)
            #expect(spans.count == record.spanCount)
            return spans
        }
    }

    private func check(_ spans: [DecodedSpan], at location: SourceLocation = #_sourceLocation) {
        let ids = Set(spans.map(\.id))
        #expect(ids.count == spans.count && Set(spans.map(\.traceID)).count == 1, sourceLocation: location)
        for span in spans {
            #expect(span.traceID.count == 16 && span.id.count == 8, sourceLocation: location)
            #expect(span.start <= span.end && span.start >= spans[0].start && span.end <= spans[0].end, sourceLocation: location)
            #expect(span.parent.isEmpty == (span.id == spans[0].id), sourceLocation: location)
            #expect(span.parent.isEmpty || ids.contains(span.parent), sourceLocation: location)
        }
    }

    @Test func `a query that is picked becomes spans, one below the other as explain shows them`() throws {
        try ResolverWorld.run { world throws in
            let watcher = world.shared.tap.watchTraces(share: 1, slow: nil)
            world.upstream.delay = .milliseconds(20)
            _ = try world.ask("wWw.example.", from: "192.0.2.77")
            let spans = try spans(watcher)
            check(spans)
            let root = try #require(spans.first)
            #expect(root.name == "dns.query" && root.kind == 2 && root.end - root.start >= 20_000_000 && root.status == 0)
            #expect(
                root.attributes == [
                    "dns.question.name": "wWw.example.", "dns.question.type": "A", "client.address": "192.0.2.77",
                    "vireo.transport": "udp", "vireo.source": "upstream", "dns.response_code": "NOERROR",
                ])
            #expect(spans.dropFirst().map(\.name).contains("flight") && spans.last?.name == "answer")
            let tries = spans.filter { $0.kind == 3 }
            #expect(tries.count == 2 && tries[0].attributes["vireo.step"]?.hasPrefix("asked over udp") == true)
            #expect(tries[0].end - tries[0].start >= 20_000_000)
            #expect(tries[0].parent == spans.first { $0.name == "upstreams" }?.id)
            _ = try world.ask("www.example.")
            let second = try self.spans(watcher)
            check(second)
            #expect(second.first?.attributes["vireo.source"] == "memory" && second.first?.traceID != root.traceID)
            _ = world.begin(Message.query("www.example.", .axfr).wire)
            #expect(try self.spans(watcher).first?.attributes["dns.response_code"] == "REFUSED")
        }
    }

    @Test func `a name that somebody else chose is text, whatever bytes it has`() throws {
        try ResolverWorld.run { world throws in
            let watcher = world.shared.tap.watchTraces(share: 1, slow: nil)
            let label: [UInt8] = [0xFF, 0x1B, 0x5B, 0x00, 0xC3, 0x28, 0x0A, 0x22]
            var bytes = Message.query("x.example.").wire
            bytes.replaceSubrange(12..<14, with: [UInt8(label.count)] + label)
            _ = world.exchange(bytes)
            let root = try #require(try spans(watcher).first)
            #expect(root.attributes["dns.question.name"] == "\\255\\027[\\000\\195\\(\\010\\\".example.")
        }
    }

    @Test func `a question that is slow is watched from when it is late, and told of once`() throws {
        try ResolverWorld.run { world throws in
            let watcher = world.shared.tap.watchTraces(share: 0, slow: .seconds(1))
            world.upstream.delay = .milliseconds(900)
            _ = try world.ask("quick.example.")
            #expect(try spans(watcher).isEmpty)
            world.upstream.answer = { _ in nil }
            _ = try world.askAtOnce(3) { _ in .query("slow.example.") }
            let spans = try spans(watcher)
            check(spans)
            #expect(spans.count(where: { $0.parent.isEmpty }) == 1)
            let root = try #require(spans.first)
            #expect(root.name == "dns.question" && root.kind == 1 && root.status == 2 && root.end - root.start >= 1_000_000_000)
            #expect(root.attributes["dns.question.name"] == "slow.example." && root.attributes["vireo.clients"] == "3")
            #expect(spans.contains { $0.name == "late" })
            #expect(spans.contains { $0.attributes["vireo.step"] == "nothing came in time" })
        }
    }

    @Test func `where nobody takes traces none are made, and what comes too fast is counted`() throws {
        try ResolverWorld.run { world throws in
            var watcher: QueryTap.TraceWatcher? = world.shared.tap.watchTraces(share: 1, slow: .milliseconds(1))
            #expect(!world.shared.tap.isOpen && QueryTap.hasTraces(world.shared.tap.word))
            for _ in 0..<3_000 { _ = world.begin(Message.query("www.example.", .axfr).wire) }
            let (records, dropped) = try #require(watcher).take()
            #expect(UInt64(records.count) + dropped == 3_000)
            #expect((100...Int(TraceTap.mostPicked)).contains(records.count))
            watcher = nil
            #expect(world.shared.tap.word == 0 && world.shared.tap.traces.slow == .max)
            _ = try world.ask("www.example.")
            let later = world.shared.tap.watchTraces(share: 0.5, slow: nil)
            #expect(later.take().records.isEmpty)
            try sleep(.seconds(2))
            for _ in 0..<400 { _ = world.begin(Message.query("www.example.", .axfr).wire) }
            #expect((100...300).contains(later.take().records.count))
        }
    }

    @Test func `however many queries are picked, slow questions have room, and a query that nobody answered counts as lost`()
        throws
    {
        try ResolverWorld.run { world throws in
            let watcher = world.shared.tap.watchTraces(share: 1, slow: .seconds(1))
            let (traces, now) = (world.shared.tap.traces, world.hub.now)
            while traces.takes(at: now, isSlow: false) {}
            let slow = (0..<1_000).count { _ in traces.takes(at: now, isSlow: true) }
            #expect(UInt64(slow) == TraceTap.mostPerSecond - TraceTap.mostPicked)
            #expect(watcher.take().dropped == 0)
            do {
                let kept = QuestionTrace(at: now, owedTo: traces)
                kept.settle()
                _ = QuestionTrace(at: now, owedTo: traces)
            }
            #expect(watcher.take().dropped == 1)
        }
    }

    @Test func `a question that is slow is told of although its client's query is traced`() throws {
        try ResolverWorld.run { world throws in
            let watcher = world.shared.tap.watchTraces(share: 1, slow: .seconds(1))
            world.upstream.answer = { _ in nil }
            _ = try world.ask("slow.example.")
            let roots = try spans(watcher).filter(\.parent.isEmpty).map(\.name)
            #expect(Set(roots) == ["dns.query", "dns.question"] && roots.count == 2, "\(roots)")
        }
    }

    @Test func `a hit that is not picked allocates no more while others are`() throws {
        try ResolverWorld.run { world throws in
            _ = try world.ask("www.example.")
            func made() -> UInt64 {
                let query = Message.query("www.example.").wire
                var buffer = query + [UInt8](repeating: 0, count: 4096)
                var view = QueryView()
                var span = buffer.mutableSpan
                let before = allocation_count()
                for _ in 0..<2_000 {
                    for index in query.indices { span[index] = query[index] }
                    _ = world.resolver.begin(&view, length: query.count, in: &span, from: 1)
                }
                return allocation_count() - before
            }
            let off = made()
            let watcher = world.shared.tap.watchTraces(share: 0.000_001, slow: .seconds(1))
            #expect(made() <= off + off / 2 + 4_000)
            withExtendedLifetime(watcher) {}
        }
    }
}
