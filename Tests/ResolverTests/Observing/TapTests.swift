import AnswerCache
import DNSWire
import Green
import Observation
import TestSupport
import Testing

@testable import Resolver

/// The live tap on queries.
@Suite struct TapTests {
    private func shown(_ watcher: QueryTap.Watcher) throws -> [String] {
        try watcher.take().entries.map { entry in
            let name = entry.name.isEmpty ? "-" : "\(try Name(wire: entry.name))"
            return
                "\(name) \(RecordType(rawValue: entry.type)) \(ResponseCode(rawValue: entry.responseCode)) \(entry.source.name)"
        }
    }

    @Test func `who watches is told of each answer once, with where it came from`() throws {
        let book = try RuleTests.book([("ads", "||ads.example^\n")])
        try ResolverWorld.run(policy: { $0.rules = book }) { world throws in
            _ = try world.ask("before.example.")
            let watcher = try #require(world.shared.tap.watch())
            world.upstream.delay = .milliseconds(20)
            _ = try world.ask("wWw.example.", from: "192.0.2.77")
            world.upstream.delay = .zero
            _ = try world.ask("www.example.")
            _ = try world.ask("x.ads.example.", .aaaa)
            _ = try world.ask("www.example.", .axfr)
            var odd = Message.query("www.example.", edns: EDNS())
            odd.edns?.version = 7
            _ = try world.ask(odd)
            let first = try #require(world.shared.tap.watch { $0.source == .memory })
            let entries = watcher.take().entries
            #expect(entries.first?.client == IPAddress("192.0.2.77")!.number)
            #expect(entries.map { $0.nanoseconds > 19_000_000 } == [true, false, false, false, false])
            #expect(
                entries.map {
                    "\(try! Name(wire: $0.name)) \(RecordType(rawValue: $0.type)) \($0.responseCode) \($0.source.name)"
                }
                    == [
                        "wWw.example. A 0 upstream", "www.example. A 0 memory", "x.ads.example. AAAA 0 rule",
                        "www.example. AXFR 5 error", "www.example. A 16 error",
                    ])
            _ = try world.ask("www.example.")
            #expect(try shown(watcher) == ["www.example. A NOERROR memory"])
            #expect(try shown(first) == ["www.example. A NOERROR memory"])
            #expect(try shown(watcher) == [])
        }
    }

    @Test func `nothing is told once nobody watches, and what does not fit is counted instead of waited for`() throws {
        try ResolverWorld.run { world throws in
            var watcher = world.shared.tap.watch()
            #expect(world.shared.tap.isOpen)
            for _ in 0..<100 { _ = world.begin(Message.query("www.example.", .axfr).wire) }
            #expect(watcher?.take().entries.count == 100)
            for _ in 0..<20_000 { _ = world.begin(Message.query("www.example.", .axfr).wire) }
            let (entries, dropped) = try #require(watcher).take()
            #expect(entries.count <= QueryTap.mostEntries && UInt64(entries.count) + dropped == 20_000)
            watcher = nil
            #expect(!world.shared.tap.isOpen)
            _ = world.begin(Message.query("www.example.", .axfr).wire)
            watcher = world.shared.tap.watch()
            #expect(watcher?.take().entries.isEmpty == true)
        }
    }

    @Test func `so many may watch and no more`() throws {
        try ResolverWorld.run { world throws in
            var watchers = (0..<QueryTap.mostWatchers).compactMap { number in
                world.shared.tap.watch { $0.type == UInt16(number) }
            }
            #expect(watchers.count == QueryTap.mostWatchers && world.shared.tap.watch() == nil)
            _ = try world.ask("www.example.")
            #expect(watchers.map { $0.take().entries.count } == watchers.indices.map { $0 == 1 ? 1 : 0 })
            watchers.removeLast()
            #expect(world.shared.tap.watch() != nil)
        }
    }

    @Test func `one query in so many is told of where that is wanted, and all as soon as somebody wants all`() throws {
        try ResolverWorld.run { world throws in
            func ask() { for _ in 0..<10_000 { _ = world.begin(Message.query("www.example.", .axfr).wire) } }
            let some = try #require(world.shared.tap.watch(oneIn: 100))
            ask()
            #expect((70...130).contains(some.take().entries.count))
            let all = try #require(world.shared.tap.watch(oneIn: 1, most: 20_000))
            var seen = 0
            for _ in 0..<20 {
                for _ in 0..<500 { _ = world.begin(Message.query("www.example.", .axfr).wire) }
                seen += all.take().entries.count
            }
            #expect(seen == 10_000)
            // By chance: six deviations to each side.
            #expect((40...160).contains(some.take().entries.count))
        }
    }

    @Test func `what is no question is told of without a name, whatever its bytes`() throws {
        try ResolverWorld.run { world throws in
            let watcher = try #require(world.shared.tap.watch())
            var header = Message.query("www.example.").wire
            header.removeLast(header.count - 12)
            _ = world.begin(header)
            var two = Message.query("www.example.").wire
            two[5] = 2
            _ = world.begin(two)
            var long = Array(Message.query("www.example.").wire.prefix(12))
            for _ in 0..<5 { long += [63] + [UInt8](repeating: 0x1B, count: 63) }
            _ = world.begin(long + [0, 0, 1, 0, 1])
            var numbers = SeededNumbers(seed: 5)
            for _ in 0..<2_000 {
                var bytes = Message.query("www.example.", edns: EDNS()).wire
                for _ in 0..<4 { bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next()) }
                _ = world.begin(Array(bytes.prefix(Int(numbers.next() % 60))))
            }
            for entry in watcher.take().entries {
                #expect(entry.name.isEmpty || (try? Name(wire: entry.name)) != nil, "\(entry.name)")
            }
        }
    }

    @Test func `what waits is written by one thread and read by another without a lock or a loss`() {
        let ring = RecordRing()
        var read: [UInt64] = []
        for round in 0..<2_000 as Range<UInt64> {
            ring.append([round, 0, 0, 0, 0, 0, 0], [UInt8](repeating: UInt8(round & 255), count: Int(round % 300)).span)
            guard round % 7 == 0 else { continue }
            ring.drain { head, bytes in
                #expect(bytes == [UInt8](repeating: UInt8(head[0] & 255), count: Int(head[0] % 300)))
                read.append(head[0])
            }
        }
        ring.drain { head, _ in read.append(head[0]) }
        #expect(read == Array(0..<2_000) && ring.dropped.value == 0)
        ring.append([0, 0, 0, 0, 0, 0, 0], [UInt8](repeating: 0, count: RecordRing.mostBytes + 1).span)
        #expect(ring.dropped.value == 1)
    }
}
