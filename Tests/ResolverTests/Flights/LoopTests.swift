import DNSWire
import Green
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Upstreams that ask this server what it asks them.
@Suite struct LoopTests {
    /// Asks ten names of an upstream that asks us back, with the query as `changed` makes it: what operators are told, and how
    /// long it took.
    private func ask(_ changed: @escaping (Message) -> Message) throws -> (news: [String], time: Duration) {
        let news = Locked<[String]>([])
        let time = Locked(Duration.zero)
        let watch = UpstreamWatch { each in
            switch each {
            case .loop: news.withLock { $0.append("loop") }
            case .suspectedLoop: news.withLock { $0.append("suspected") }
            default: break
            }
        }
        try ResolverWorld.run(watch: watch) { world throws in
            world.upstream.answer = { query in
                guard let answer = world.resolver.exchange(changed(query).wire, client: IPAddress.loopback.number) else {
                    return nil
                }
                return try? Message(answer.span)
            }
            let begun = world.hub.loop.now()
            for number in 0..<10 {
                #expect(try world.ask("longer-than-sixteen-\(number).example.", from: "192.0.2.1").responseCode == .servFail)
            }
            time.withLock { $0 = begun.duration(to: world.hub.loop.now()) }
        }
        return (news.withLock { $0 }, time.withLock { $0 })
    }

    @Test func `are noticed by the query's own id and letters, at once, and told of once`() throws {
        let (news, time) = try ask { $0 }
        #expect(news == ["loop"] && time < .seconds(1))
    }

    @Test func `are noticed where the id is another`() throws {
        let (news, time) = try ask { query in
            var query = query
            query.id &+= 1
            return query
        }
        #expect(news == ["loop"] && time < .seconds(1))
    }

    @Test func `are suspected where the letters are others as well, once that has happened three times`() throws {
        let (news, _) = try ask { query in
            var query = query
            query.id &+= 1
            query.questions[0].name = query.questions[0].name.lowercased
            return query
        }
        #expect(news == ["suspected"])
    }

    @Test func `are not suspected because of clients beside a silent upstream elsewhere`() throws {
        let news = Locked<Int>(0)
        let watch = UpstreamWatch { each in
            if case .suspectedLoop = each { news.withLock { $0 += 1 } }
        }
        try ResolverWorld.run(watch: watch) { world throws in
            world.upstream.answer = { _ in nil }
            for number in 0..<10 {
                let both = ["192.0.2.1", "192.0.2.2"].map { client in
                    world.hub.spawn { try world.ask("silent-\(number).example.", from: client) }
                }
                for each in both { #expect(try each.get().responseCode == .servFail) }
            }
        }
        #expect(news.withLock { $0 } == 0)
    }
}
