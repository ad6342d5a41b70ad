import DNSWire
import Green
import Testing

@testable import Upstream

/// When what is sent: on a simulated clock, where five seconds take no time.
@Suite struct `Timing` {
    @Test func `an unmeasured server's datagram is sent again after 400 ms and 1200 ms, with the same id`() throws {
        try onHub { hub in
            var moments: [Duration] = []
            let start = hub.loop.now()
            let upstream = try FakeUpstream { query in
                if query.isCheck { return [] }
                moments.append(start.duration(to: hub.loop.now()))
                return moments.count == 3 ? [.send(query.answer())] : []
            }
            _ = try ask(upstream)
            #expect(moments.map { $0 / .milliseconds(100) }.map { $0.rounded(.down) } == [0, 4, 12])
            #expect(Set(upstream.questions.map(\.bytes)).count == 1)
            #expect(Set(upstream.questions.map(\.path)).count == 1)
        }
    }

    @Test func `a fast server's datagram is sent again after 50 ms`() throws {
        try onHub { hub in
            var isLossy = false
            let upstream = try FakeUpstream { isLossy && $0.number % 2 == 0 ? [] : [.send($0.answer())] }
            for _ in 0..<8 { _ = try ask(upstream) }
            isLossy = true
            let time = try elapsed { _ = try ask(upstream) }
            #expect(time >= .milliseconds(50) && time < .milliseconds(51))
            #expect(upstream.queries.count == 10)
        }
    }

    @Test func `an answer to the first of two datagrams counts`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { $0.number == 0 ? [.wait(.milliseconds(600)), .send($0.answer())] : [] }
            let time = try elapsed { _ = try ask(upstream) }
            #expect(time >= .milliseconds(600) && time < .milliseconds(601))
            #expect(upstream.questions.count == 2)
        }
    }

    @Test func `an answer to an earlier try counts, while another server is asked`() throws {
        try onHub { _ in
            let slow = try FakeUpstream(id: 1) { $0.number == 0 ? [.wait(.milliseconds(2500)), .send($0.answer())] : [] }
            let silent = try FakeUpstream(id: 2) { _ in [] }
            var reply: UpstreamReply?
            let time = try elapsed { reply = try ask([slow, silent]) }
            #expect(reply?.upstream == 1)
            #expect(time >= .milliseconds(2500) && time < .milliseconds(2501))
            #expect(!silent.queries.isEmpty)
        }
    }

    @Test func `a silent server's question goes to the next after the try's limit`() throws {
        try onHub { _ in
            let silent = try FakeUpstream(id: 1) { _ in [] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            for limit in [Duration.milliseconds(300), .seconds(1), .seconds(4)] {
                silent.forget()
                second.forget()
                let time = try elapsed { try #expect(ask([silent, second], tryLimit: limit).upstream == 2) }
                #expect(time >= limit && time < limit + .milliseconds(2))
            }
        }
    }

    @Test(arguments: [1, 2, 5], [Duration.milliseconds(200), .seconds(2), .seconds(30)])
    func `a question that nobody answers ends after four and a half seconds`(_ count: Int, _ limit: Duration) throws {
        try onHub { _ in
            let upstreams = try (0..<count).map { try FakeUpstream(id: UInt16($0)) { _ in [] } }
            let time = elapsed { #expect(throws: UpstreamFailure.timedOut) { try ask(upstreams, tryLimit: limit) } }
            #expect(time >= .milliseconds(4500) && time < .milliseconds(4501))
            let sends = upstreams.reduce(0) { $0 + $1.questions.count }
            #expect(sends >= 4 && sends <= (limit < .seconds(1) ? 8 : 7) * count)
        }
    }

    @Test func `a connection that nobody accepts is given up in time`() throws {
        let world = VirtualWorld(seed: 1)
        let host = world.addHost("gone", [IPAddress("10.0.0.9")!])
        world.cut(world.host, host)
        try world.run { hub in
            let address = UpstreamAddress(SocketAddress("10.0.0.9:53", defaultPort: 53)!, transport: .tcp)
            let server = UpstreamServer(address, id: 1)
            let forwarder = Forwarder(hub: hub, servers: [server], tryLimit: .seconds(2))
            let time = elapsed { #expect(throws: UpstreamFailure.unreachable) { try forwarder.ask(question("a.example")) } }
            #expect(time >= .seconds(4) && time < .milliseconds(4501))
        }
    }

    @Test func `a server that is slow with one name is not taken for dead`() throws {
        try onHub { hub in
            let slow = wire("slow.example")
            let first = try FakeUpstream(id: 1) { query in
                query.folded(query.bytes)[12...].starts(with: slow) ? [] : [.send(query.answer())]
            }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(1))
            let hard = hub.spawn { try forwarder.ask(question("slow.example")).upstream }
            for index in 0..<20 {
                try #expect(forwarder.ask(question("name\(index).example")).upstream == 1)
                try sleep(.milliseconds(100))
            }
            try #expect(hard.get() == 2)
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `on a network that loses three of ten datagrams nearly all questions are answered, most within a second`(
        _ seed: UInt64
    ) throws {
        let world = VirtualWorld(seed: seed)
        world.loopback = LinkConditions(latency: .milliseconds(10)...(.milliseconds(15)))
        world.loopback.loss = 0.3
        try world.run { hub in
            let upstreams = try (1...2).map { id in try FakeUpstream(id: UInt16(id)) { [.send($0.answer())] } }
            let forwarder = Forwarder(hub: hub, servers: upstreams.map(\.server), tryLimit: .seconds(2))
            var times: [Duration] = []
            let askers = (0..<50).map { number in
                hub.spawn {
                    for index in 0..<40 {
                        var isAnswered = false
                        let time = elapsed { isAnswered = (try? forwarder.ask(question("n\(number)-\(index).example"))) != nil }
                        if isAnswered { times.append(time) }
                    }
                }
            }
            for asker in askers { try asker.get() }
            #expect(times.count >= 1990)
            #expect(times.count { $0 > .seconds(1) } < 100)
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>) func `on a bad network most questions are answered, all in time`(
        _ seed: UInt64
    ) throws {
        let world = VirtualWorld(seed: seed)
        world.loopback = .harsh
        try world.run { hub in
            let first = try FakeUpstream(id: 1) { [.send($0.number % 7 == 0 && $0.isUDP ? $0.reply(flags: 0x200) : $0.answer())] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2))
            let results = (0..<200).map { index in
                hub.spawn {
                    var isAnswered = false
                    let time = elapsed { isAnswered = (try? forwarder.ask(question("name\(index).example"))) != nil }
                    #expect(time <= .milliseconds(4510))
                    return isAnswered
                }
            }
            #expect(try results.count { try $0.get() } >= 195)
        }
    }
}
