import DNSWire
import Green
import Testing

@testable import Upstream

/// The ports that questions leave from.
@Suite struct `Ports` {
    /// Asks `count` questions, `width` at a time.
    private func askMany(_ upstream: FakeUpstream, _ count: Int, width: Int, pause: Duration = .zero) throws {
        let hub = Hub.current
        let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
        let askers = (0..<width).map { number in
            hub.spawn {
                for index in stride(from: number, to: count, by: width) {
                    _ = try forwarder.ask(question("name\(index).example"))
                    if pause > .zero { try sleep(pause) }
                }
            }
        }
        for asker in askers { try asker.get() }
    }

    @Test func `at low rates each question has a port of its own, closed with its answer`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            try askMany(upstream, 1000, width: 10, pause: .milliseconds(10))
            // By chance, ports of 55,296 meet: 9 times in 1,000.
            #expect(Set(upstream.queries.map(\.path)).count > 960)
            #expect(upstream.server.openChannels == 0)
        }
    }

    @Test func `every worker draws its ports from the whole range`() throws {
        try onHub(.libevent) { _ in
            // Two views of an upstream, as two workers have them.
            let upstream = try FakeUpstream { [.send($0.answer())] }
            for _ in 0..<2 {
                let first = upstream.queries.count
                try askMany(upstream, 400, width: 10)
                let ports = upstream.queries[first...].map(\.path)
                let parts = Dictionary(grouping: ports) { ($0 - 10_240) / (55_296 / 8) }
                #expect(parts.keys.sorted() == Array(0..<8), "\(parts.mapValues(\.count))")
                upstream.forget()
            }
        }
    }

    @Test(arguments: World.allCases) func `1,000 questions, 50 at a time, leave from at least 100 ports`(_ world: World) throws {
        try onHub(world) { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            try askMany(upstream, 1000, width: 50)
            #expect(Set(upstream.queries.map(\.path)).count >= 100)
        }
    }

    @Test func `at high rates ports are shared by some, change with use and with age, and idle ones are closed`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            for _ in 0..<30 { try askMany(upstream, 1000, width: 100) }
            let last = upstream.queries.suffix(20_000)
            let uses = Dictionary(grouping: last, by: \.path).mapValues(\.count)
            #expect(uses.count >= 100)
            #expect(uses.values.max()! <= DatagramChannel.mostUses)
            #expect(upstream.server.datagrams.openCount >= 100)
            // Over the whole range, without a part that is left out.
            for part in 0..<8 {
                let low = 10_240 + part * 6_912
                #expect(uses.keys.contains { (low..<low + 6_912).contains($0) })
            }
            try sleep(.seconds(3))
            #expect(upstream.server.openChannels == 0)
            // Where it is quiet again, each has its own.
            let before = upstream.queries.count
            try askMany(upstream, 100, width: 1, pause: .milliseconds(10))
            #expect(Set(upstream.queries[before...].map(\.path)).count > 95)
        }
    }

    @Test func `after a few near misses a question goes over TCP as well`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                guard query.isUDP else { return [.send(query.answer())] }
                return (1...UInt16(DatagramChannel.mostStraysAlone)).map { .send(query.reply(id: query.id ^ $0)) }
            }
            let time = try elapsed { try #expect(ask(upstream).transport == .tcp) }
            #expect(time < .milliseconds(10))
            #expect(upstream.server.strayCount == DatagramChannel.mostStraysAlone)
        }
    }
}
