import DNSWire
import Green
import Testing

@testable import Upstream

/// Whether upstreams answer, and when that is noticed.
@Suite struct `Health` {
    /// News in the order in which they came, as words.
    private final class Diary: @unchecked Sendable {
        // SAFETY: of one thread.
        var lines: [String] = []

        func watch() -> UpstreamWatch {
            UpstreamWatch { [self] news in
                switch news {
                case .stopped(_, let trouble): lines.append("stopped: \(trouble)")
                case .back: lines.append("back")
                case .loop: lines.append("loop")
                case .suspectedLoop: lines.append("suspected loop")
                case .forged: lines.append("forged")
                case .unanswered(_, let failure): lines.append("unanswered: \(failure)")
                }
            }
        }
    }

    /// The upstream as another worker knows it, with one health for all.
    private func server(_ upstream: FakeUpstream, _ watch: UpstreamWatch) -> UpstreamServer {
        UpstreamServer(upstream.server.address, id: upstream.server.id, health: watch.health(of: upstream.server.address))
    }

    @Test func `a server that was silent is asked no more until a probe finds it back, within three seconds`() throws {
        try onHub { hub in
            var isDown = true
            let first = try FakeUpstream(id: 1) { isDown ? [] : [.send($0.answer())] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            var recoveries = 0
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(1)) { recoveries += 1 }
            var slow = 0
            for _ in 0..<120 {
                if try elapsed({ _ = try forwarder.ask(question("a.example")) }) > .milliseconds(10) { slow += 1 }
                try sleep(.milliseconds(900))
            }
            #expect(slow == 1)
            #expect(recoveries == 0)
            isDown = false
            try sleep(.seconds(3))
            #expect(recoveries == 1)
            for _ in 0..<3 { try #expect(forwarder.ask(question("a.example")).upstream == 1) }
            #expect(recoveries == 1)
        }
    }

    @Test(arguments: ["no route", "accepts and hangs"])
    func `a first server that cannot be used costs one question its time, and no other`(_ fault: String) throws {
        try onHub { hub in
            let address = SocketAddress(IPAddress("2001:db8::53")!, port: 53)
            // No host of the simulated world has that address, nor an address of that family.
            let first =
                fault == "no route"
                ? UpstreamServer(UpstreamAddress(address), id: 1, hub: hub)
                : try FakeUpstream(transport: .tcp, id: 1) { _ in [] }.server
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first, second.server], tryLimit: .seconds(1))
            var slow = 0
            for _ in 0..<60 {
                let time = try elapsed { try #expect(forwarder.ask(question("a.example")).upstream == 2) }
                if time > .milliseconds(10) { slow += 1 }
                try sleep(.milliseconds(900))
            }
            #expect(slow <= 1)
            first.retire()
        }
    }

    @Test func `a silent server gets one datagram each two seconds, from the whole daemon`() throws {
        try onHub { hub in
            let silent = try FakeUpstream(id: 1) { _ in [] }
            let good = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let watch = UpstreamWatch()
            let workers = (0..<4).map { _ in
                Forwarder(hub: hub, servers: [server(silent, watch), server(good, watch)], tryLimit: .seconds(1), watch: watch)
            }
            for worker in workers { _ = try worker.ask(question("a.example")) }
            let before = silent.queries.count
            for _ in 0..<200 {
                for worker in workers { try #expect(worker.ask(question("b.example")).upstream == 2) }
                try sleep(.milliseconds(100))
            }
            #expect((8...11).contains(silent.queries.count - before))
        }
    }

    @Test func `what one worker learns the others know`() throws {
        try onHub { hub in
            var isDown = true
            let first = try FakeUpstream(id: 1) { isDown ? [] : [.send($0.answer())] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let watch = UpstreamWatch()
            let workers = (0..<2).map { _ in
                Forwarder(hub: hub, servers: [server(first, watch), server(second, watch)], tryLimit: .seconds(1), watch: watch)
            }
            _ = try workers[0].ask(question("a.example"))
            let time = try elapsed { try #expect(workers[1].ask(question("a.example")).upstream == 2) }
            #expect(time < .milliseconds(10))
            isDown = false
            try sleep(.seconds(3))
            for worker in workers { try #expect(worker.ask(question("a.example")).upstream == 1) }
        }
    }

    @Test func `an outage is told once when it lasts, and once when it is over, and its questions each`() throws {
        try onHub { hub in
            var isDown = true
            let upstream = try FakeUpstream { isDown ? [] : [.send($0.answer())] }
            let diary = Diary()
            let watch = diary.watch()
            let forwarder = Forwarder(hub: hub, servers: [server(upstream, watch)], tryLimit: .seconds(2), watch: watch)
            let askers = (0..<20).map { _ in hub.spawn { try forwarder.ask(question("a.example")) } }
            for asker in askers { _ = try? asker.get() }
            try sleep(.seconds(30))
            #expect(diary.lines.filter { $0.hasPrefix("stopped") } == ["stopped: silent"])
            #expect(diary.lines.count { $0 == "unanswered: timedOut" } == 20)
            isDown = false
            try sleep(.seconds(3))
            #expect(diary.lines.last == "back")
            #expect(diary.lines.count == 22)
        }
    }

    @Test(arguments: [UpstreamAddress.Transport.udp, .tcp])
    func `under load a server that has died is left within a second`(_ transport: UpstreamAddress.Transport) throws {
        try onHub { hub in
            var isDown = false
            let first = try FakeUpstream(transport: transport, id: 1) {
                isDown ? [] : [.send($0.answer())]
            }
            let second = try FakeUpstream(id: 2) { [.wait(.milliseconds(20)), .send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2))
            var longest = Duration.zero
            let group = Group()
            for number in 0..<2000 {
                isDown = number >= 500
                try group.spawn {
                    let time = try elapsed { _ = try forwarder.ask(question("n\(number).example")) }
                    longest = max(longest, time)
                }
                try sleep(.milliseconds(1))
            }
            try group.join()
            #expect(longest < .milliseconds(transport == .udp ? 600 : 900), "\(longest)")
            first.server.retire()
        }
    }

    @Test func `a few slow names, or one answer among many, are no silence`() {
        var silence = Silence()
        let start = Instant(nanoseconds: 1)
        for _ in 0..<Silence.fewest - 1 { silence.asked(at: start) }
        #expect(!silence.isLong(at: start.advanced(by: .seconds(9)), wait: 0))
        silence.asked(at: start)
        #expect(!silence.isLong(at: start.advanced(by: .milliseconds(299)), wait: 0))
        #expect(silence.isLong(at: start.advanced(by: .milliseconds(300)), wait: 75_000_000))
        #expect(!silence.isLong(at: start.advanced(by: .milliseconds(300)), wait: 76_000_000))
        silence.heard()
        #expect(!silence.isLong(at: start.advanced(by: .seconds(9)), wait: 0))
    }

    @Test func `faults of TLS that take turns are told once each, and a few of them`() throws {
        let lines = Locked<[String]>([])
        let address = UpstreamAddress(SocketAddress(.loopback, port: 853), transport: .tls)
        let health = UpstreamHealth(of: address) { news in
            if case .stopped(_, let trouble) = news { lines.withLock { $0.append(trouble.text) } }
        }
        func fail(_ trouble: UpstreamTrouble) {
            _ = health.failed(trouble, .root, at: Instant(nanoseconds: 1))
            health.probeFailed()
        }
        for _ in 0..<10 {
            fail(.insecure("expired"))
            fail(.insecure("hostname mismatch"))
            fail(.silent)
        }
        #expect(lines.withLock { $0 } == ["expired", "hostname mismatch"])
        for number in 0..<50 { fail(.insecure("fault \(number)")) }
        #expect(lines.withLock { $0.count } == UpstreamHealth.mostTold)
    }

    @Test func `a server that missed one question and answers the next makes no news`() throws {
        try onHub { hub in
            var isDown = true
            let upstream = try FakeUpstream(id: 1) { isDown ? [] : [.send($0.answer())] }
            let good = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let diary = Diary()
            let watch = diary.watch()
            let servers = [server(upstream, watch), server(good, watch)]
            let forwarder = Forwarder(hub: hub, servers: servers, tryLimit: .milliseconds(100), watch: watch)
            _ = try forwarder.ask(question("a.example"))
            #expect(!servers[0].isFailing)
            // Silent to the root as well.
            try #expect(eventually { servers[0].isFailing })
            isDown = false
            try sleep(.seconds(2))
            #expect(!servers[0].isFailing)
            #expect(diary.lines == [])
        }
    }

    @Test func `where all are down nobody waits for long, and the first question after it is answered`() throws {
        try onHub { hub in
            var isDown = true
            let upstreams = try (1...2).map { id in try FakeUpstream(id: id) { isDown ? [] : [.send($0.answer())] } }
            let forwarder = Forwarder(hub: hub, servers: upstreams.map(\.server), tryLimit: .seconds(2))
            _ = try? forwarder.ask(question("a.example"))
            try sleep(.seconds(10))
            let before = upstreams.reduce(0) { $0 + $1.queries.count }
            let askers = (0..<2000).map { index in
                hub.spawn {
                    let time = elapsed { _ = try? forwarder.ask(question("name\(index).example")) }
                    #expect(time < .milliseconds(210))
                }
            }
            for asker in askers { try asker.get() }
            // A datagram for each, as long as the budget lasts.
            #expect(upstreams.reduce(0) { $0 + $1.queries.count } - before <= 4 * Int(ResendBudget.most) + 10)
            try sleep(.seconds(10))
            isDown = false
            _ = try forwarder.ask(question("a.example"))
        }
    }

    @Test func `SERVFAIL to three names and to the root is an outage, and its end is noticed where nobody asks`() throws {
        try onHub { hub in
            var hasUplink = false
            let router = try FakeUpstream(id: 1) { [.send(hasUplink ? $0.answer() : $0.reply(.servFail))] }
            let diary = Diary()
            let watch = diary.watch()
            var recoveries = 0
            let servers = [server(router, watch)]
            let forwarder = Forwarder(hub: hub, servers: servers, tryLimit: .seconds(2), watch: watch) { recoveries += 1 }
            for _ in 0..<5 { _ = try? forwarder.ask(question("one.example")) }
            #expect(!servers[0].isFailing)
            for name in ["two.example", "three.example"] { _ = try? forwarder.ask(question(name)) }
            try #expect(eventually { servers[0].isFailing })
            try sleep(.seconds(20))
            #expect(recoveries == 0)
            #expect(diary.lines.filter { !$0.hasPrefix("unanswered") } == ["stopped: servFail"])
            hasUplink = true
            try sleep(.seconds(3))
            #expect(recoveries == 1)
            #expect(diary.lines.last == "back")
        }
    }

    @Test func `who says SERVFAIL and then nothing at all is down`() throws {
        try onHub { hub in
            var isSilent = false
            let router = try FakeUpstream(id: 1) { isSilent ? [] : [.send($0.reply(.servFail))] }
            let forwarder = Forwarder(hub: hub, servers: [router.server], tryLimit: .seconds(2))
            for name in ["one.example", "two.example", "three.example"] { _ = try? forwarder.ask(question(name)) }
            try #expect(eventually { router.server.isFailing })
            isSilent = true
            try sleep(.seconds(20))
            let taken = elapsed { _ = try? forwarder.ask(question("four.example")) }
            #expect(taken < .milliseconds(300))
        }
    }

    @Test func `a server that fails for any number of names, but not for the root, stays the first`() throws {
        try onHub { hub in
            let first = try FakeUpstream(id: 1) { [.send($0.isCheck ? $0.answer() : $0.reply(.servFail))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2))
            for index in 0..<40 {
                #expect(try forwarder.ask(question("name\(index).evil\(index).example")).upstream == 2)
                #expect(!first.server.isFailing)
                try sleep(.milliseconds(100))
            }
            #expect(first.questions.count == 40)
            // A check each second.
            #expect((3...5).contains(first.queries.count - 40))
        }
    }

    @Test func `many silent names at once move nothing but themselves`() throws {
        try onHub { hub in
            let first = try FakeUpstream(id: 1) { query in
                query.folded(query.bytes)[13] == UInt8(ascii: "s") ? [] : [.send(query.answer())]
            }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2))
            for index in 0..<200 {
                hub.spawn { _ = try? forwarder.ask(question("silent\(index).example")) }
                #expect(!first.server.isFailing)
                try sleep(.milliseconds(20))
            }
            #expect(try forwarder.ask(question("name.example")).upstream == 1)
        }
    }

    @Test func `a name that a server is silent for moves nothing but itself, however quiet the network is`() throws {
        try onHub { hub in
            let first = try FakeUpstream(id: 1) { query in
                query.folded(query.bytes)[13] == UInt8(ascii: "s") ? [] : [.send(query.answer())]
            }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2))
            for index in 0..<20 {
                #expect(try forwarder.ask(question("silent\(index).example")).upstream == 2)
                #expect(try forwarder.ask(question("name\(index).example")).upstream == 1)
                try sleep(.seconds(3))
            }
        }
    }

    @Test func `a server that answers some names with SERVFAIL and others not is well`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { [.send($0.number % 4 == 3 ? $0.answer() : $0.reply(.servFail))] }
            for index in 0..<40 {
                _ = try? ask(upstream, "name\(index % 2 == 0 ? 0 : index).example")
                #expect(!upstream.server.isFailing)
            }
        }
    }

    @Test func `a server that never answers one name is found to be well by another`() throws {
        try onHub { hub in
            let slow = wire("slow.example")
            let upstream = try FakeUpstream { query in
                query.folded(query.bytes)[12...].starts(with: slow) ? [] : [.send(query.answer())]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            for _ in 0..<5 {
                #expect(throws: UpstreamFailure.timedOut) { try forwarder.ask(question("slow.example")) }
                let time = try elapsed { _ = try forwarder.ask(question("fast.example")) }
                #expect(time < .milliseconds(10))
            }
        }
    }

    @Test func `a burst of failures is one outage`() throws {
        try onHub { hub in
            let first = try FakeUpstream(id: 1) { _ in [] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(hub: hub, servers: [first.server, second.server], tryLimit: .seconds(1))
            for each in (0..<100).map({ _ in hub.spawn { try forwarder.ask(question("a.example")) } }) { _ = try each.get() }
            #expect(first.server.isFailing)
            let before = first.queries.count
            try sleep(.seconds(10))
            #expect(first.queries.count - before <= 6)
        }
    }

    @Test func `those who wait for a silent server send it no more again than its budget`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { query in query.number == 0 ? [.send(query.answer())] : [] }
            _ = try ask(upstream)
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<2000).map { index in hub.spawn { _ = try? forwarder.ask(question("name\(index).example")) } }
            for asker in askers { try asker.get() }
            let again = upstream.queries.count - 1 - 2000
            // What the bucket held, and what came in five seconds, and one more try of each.
            #expect(again <= Int(ResendBudget.most + 5 * ResendBudget.perSecond) + 2000)
        }
    }

    @Test func `a retired server is probed no more`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream { _ in [] }
            _ = try? ask(upstream)
            upstream.server.retire()
            let before = upstream.queries.count
            try sleep(.seconds(20))
            #expect(upstream.queries.count == before)
        }
    }
}
