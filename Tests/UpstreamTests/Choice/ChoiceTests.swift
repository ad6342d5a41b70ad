import DNSWire
import Green
import Testing

@testable import Upstream

/// Who is asked, and who besides.
@Suite struct `Choice` {
    private func standings(_ trips: [UInt64], failing: Set<Int> = []) -> [ServerOrder.Standing] {
        trips.enumerated().map { .init(isFailing: failing.contains($0), roundTrip: $1) }
    }

    private func policy(_ order: ForwardPolicy.Order, fallbacks: Int = 0) -> ForwardPolicy {
        var policy = ForwardPolicy()
        policy.order = order
        policy.fallbackCount = fallbacks
        return policy
    }

    @Test func `in order, failing ones last, and fallbacks only where all others fail`() {
        let table: [(failing: Set<Int>, fallbacks: Int, order: [Int])] = [
            ([], 0, [0, 1, 2, 3]), ([0], 0, [1, 2, 3, 0]), ([0, 2], 0, [1, 3, 0, 2]), ([0, 1, 2, 3], 0, [0, 1, 2, 3]),
            ([], 1, [0, 1, 2]), ([1], 1, [0, 2, 1]), ([0, 1, 2], 1, [3, 0, 1, 2]), ([0, 1, 2, 3], 1, [0, 1, 2, 3]),
            ([0, 1], 2, [2, 3, 0, 1]), ([0, 1, 2], 2, [3, 0, 1, 2]), ([], 4, [0]), ([0], 9, [1, 2, 3, 0]),
            ([], -1, [0, 1, 2, 3]),
        ]
        for row in table {
            let places = ServerOrder.places(
                of: standings([1, 1, 1, 1], failing: row.failing), policy(.ordered, fallbacks: row.fallbacks), random: 1)
            #expect(places == row.order)
        }
    }

    @Test func `the faster of two is asked first, and any of them now and then`() {
        var numbers = SeededNumbers(seed: 3)
        var first = [0, 0, 0, 0]
        for _ in 0..<10_000 {
            let places = ServerOrder.places(
                of: standings([40, 10, 30, 20], failing: [3]), policy(.fastest), random: numbers.next())
            #expect(places.count == 4 && Set(places).count == 4 && places.last == 3)
            first[places[0]] += 1
        }
        #expect(first[1] > 6000 && first[2] > 2500 && first[0] > 50 && first[0] < 400 && first[3] == 0)
    }

    @Test func `a quantile is above nineteen of twenty answers, and follows them`() {
        var numbers = SeededNumbers(seed: 4)
        var quantile = LatencyQuantile()
        #expect(quantile.nanoseconds == nil)
        for scale in [1_000_000, 20_000_000, 3_000_000] as [UInt64] {
            for _ in 0..<8000 { quantile.record(.random(in: scale...2 * scale, using: &numbers)) }
            let late = (0..<2000).count { _ in
                let sample = UInt64.random(in: scale...2 * scale, using: &numbers)
                defer { quantile.record(sample) }
                return sample > quantile.nanoseconds!
            }
            #expect((20...250).contains(late))
        }
        quantile.record(.max)
    }

    @Test func `a budget of hedges is a share of all questions, and empty while most are late`() {
        let budget = HedgeBudget(permille: 50)
        var taken = 0
        for _ in 0..<10_000 {
            budget.asked()
            if budget.take() { taken += 1 }
            budget.ended(wasLate: false)
        }
        #expect((495...500).contains(taken))
        for _ in 0..<100 {
            budget.asked()
            budget.ended(wasLate: true)
        }
        #expect(!budget.take())
        #expect(!HedgeBudget(permille: 0).isOn)
    }

    @Test func `a late answer is hedged within the budget, which cuts the slowest off`() throws {
        for permille in [0, 50] {
            try onHub { hub in
                let first = try FakeUpstream(id: 1) { query in
                    [.wait(query.number % 50 == 49 ? .milliseconds(500) : .milliseconds(10)), .send(query.answer())]
                }
                let second = try FakeUpstream(id: 2) { [.wait(.milliseconds(10)), .send($0.answer())] }
                var policy = ForwardPolicy()
                policy.hedgePermille = permille
                let forwarder = Forwarder(
                    hub: hub, servers: [first.server, second.server], tryLimit: .seconds(2), policy: policy)
                var times: [Duration] = []
                for index in 0..<2000 {
                    times.append(try elapsed { _ = try forwarder.ask(question("name\(index).example")) })
                }
                times.sort()
                if permille == 0 {
                    #expect(times[1980] > .milliseconds(60) && second.queries.isEmpty)
                } else {
                    #expect(times[1980] < .milliseconds(40))
                    #expect(forwarder.hedges.count <= 110 && forwarder.hedges.wins >= 20)
                }
            }
        }
    }

    @Test func `the fastest is asked most, the other now and then`() throws {
        try onHub { hub in
            let slow = try FakeUpstream(id: 1) { [.wait(.milliseconds(30)), .send($0.answer())] }
            let fast = try FakeUpstream(id: 2) { [.wait(.milliseconds(5)), .send($0.answer())] }
            var policy = ForwardPolicy()
            policy.order = .fastest
            let forwarder = Forwarder(
                hub: hub, servers: [slow.server, fast.server], tryLimit: .seconds(2), policy: policy)
            for index in 0..<400 { _ = try forwarder.ask(question("name\(index).example")) }
            #expect(fast.questions.count > 360 && (1...39).contains(slow.questions.count))
        }
    }

    @Test func `where the first alone has become slow hedging goes on`() throws {
        try onHub { hub in
            var wait = Duration.milliseconds(10)
            let first = try FakeUpstream(id: 1) { [.wait(wait), .send($0.answer())] }
            let second = try FakeUpstream(id: 2) { [.wait(.milliseconds(10)), .send($0.answer())] }
            var policy = ForwardPolicy()
            policy.hedgePermille = 50
            let servers = [first.server, second.server]
            let forwarder = Forwarder(hub: hub, servers: servers, tryLimit: .seconds(2), policy: policy)
            for index in 0..<500 { _ = try forwarder.ask(question("name\(index).example")) }
            wait = .milliseconds(400)
            for index in 0..<200 { _ = try forwarder.ask(question("slow\(index).example")) }
            #expect(forwarder.hedges.wins > 0 && forwarder.hedges.take())
        }
    }

    @Test func `in parallel who fails is left out until it answers again`() throws {
        try onHub { hub in
            var isDead = true
            let dead = try FakeUpstream(id: 1) { isDead ? [] : [.send($0.answer())] }
            let well = try FakeUpstream(id: 2) { [.wait(.milliseconds(10)), .send($0.answer())] }
            var policy = ForwardPolicy()
            policy.order = .parallel
            let forwarder = Forwarder(hub: hub, servers: [dead.server, well.server], tryLimit: .seconds(1), policy: policy)
            dead.server.failed(.silent, question("x.example"))
            for index in 0..<100 { #expect(try forwarder.ask(question("many\(index).example")).upstream == 2) }
            #expect(dead.queries.count < 10)
            isDead = false
            try sleep(.seconds(3))
            _ = try forwarder.ask(question("back.example"))
            try #expect(eventually { dead.queries.contains { query in query.name.contains { $0 | 0x20 == UInt8(ascii: "k") } } })
        }
    }

    @Test func `in parallel the first good answer counts, and a failure is waited past`() throws {
        try onHub { hub in
            let failing = try FakeUpstream(id: 1) { [.send($0.reply(.servFail))] }
            let slow = try FakeUpstream(id: 2) { [.wait(.milliseconds(30)), .send($0.answer())] }
            let fast = try FakeUpstream(id: 3) { [.wait(.milliseconds(10)), .send($0.answer())] }
            let forwarder = Forwarder(
                hub: hub, servers: [failing.server, slow.server, fast.server], tryLimit: .seconds(2), policy: policy(.parallel))
            let time = try elapsed { try #expect(forwarder.ask(question("a.example")).upstream == 3) }
            #expect(time < .milliseconds(11))
            #expect(slow.queries.count == 1 && failing.queries.count == 1)
        }
    }

    @Test func `a fallback is asked only while the others are down`() throws {
        try onHub { hub in
            var isDown = false
            let main = try FakeUpstream(id: 1) { isDown ? [] : [.send($0.answer())] }
            let last = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let forwarder = Forwarder(
                hub: hub, servers: [main.server, last.server], tryLimit: .seconds(1), policy: policy(.ordered, fallbacks: 1))
            for _ in 0..<50 { try #expect(forwarder.ask(question("a.example")).upstream == 1) }
            isDown = true
            _ = try? forwarder.ask(question("a.example"))
            for _ in 0..<50 { try #expect(forwarder.ask(question("a.example")).upstream == 2) }
            isDown = false
            try sleep(.seconds(3))
            let before = last.queries.count
            for _ in 0..<50 { try #expect(forwarder.ask(question("a.example")).upstream == 1) }
            #expect(last.queries.count == before)
        }
    }

    @Test func `tries under way are counted, and every one is counted off`() throws {
        try onHub { hub in
            let upstream = try FakeUpstream {
                [.wait(.milliseconds(10)), .send($0.isUDP ? $0.reply(flags: 0x200) : $0.answer())]
            }
            let forwarder = Forwarder(hub: hub, servers: [upstream.server], tryLimit: .seconds(2))
            let askers = (0..<100).map { index in hub.spawn { try forwarder.ask(question("name\(index).example")) } }
            try sleep(.milliseconds(5))
            #expect(upstream.server.exchangeCount == 100)
            for asker in askers { _ = try asker.get() }
            #expect(upstream.server.exchangeCount == 0)
        }
    }

    @Test func `an interface is remembered by its name`() {
        var address = UpstreamAddress(SocketAddress("[fe80::1%lo]:53", defaultPort: 53)!)
        #expect(address.interface == "lo")
        let present = address.socketAddress
        // As if it had had another number before it went and came back.
        address.address = SocketAddress(IPAddress(v6High: 0xFE80 << 48, low: 1, scope: 4711), port: 53)
        #expect(address.socketAddress == present)
    }
}

/// Queries of our own that come back.
@Suite struct `Loops` {
    private func isOwn(_ marks: LoopMarks, _ name: [UInt8], _ written: [UInt8], _ id: UInt16) -> Bool {
        marks.isOwn(name.span, written: written.span, id: id)
    }

    @Test func `a query is known by its id and letters, and by its letters alone where there are many`() {
        var numbers = SeededNumbers(seed: 8)
        for _ in 0..<2000 {
            let marks = LoopMarks()
            let (name, question, _) = Questions.random(&numbers)
            let form = Questions.form(&numbers)
            let written = Array(Questions.written(question, form)[12..<question.nameEnd])
            #expect(!isOwn(marks, name, written, form.id))
            marks.note(question, form)
            #expect(isOwn(marks, name, written, form.id))
            var other = form
            other.letters = numbers.next()
            let foreign = Array(Questions.written(question, other)[12..<question.nameEnd])
            if foreign.prefix(48) != written.prefix(48) { #expect(!isOwn(marks, name, foreign, form.id)) }
            let letters = name.prefix(48).count { (0x61...0x7A).contains($0) }
            if letters < 16 { #expect(!isOwn(marks, name, written, form.id ^ 1)) }
            if letters > 40 { #expect(isOwn(marks, name, written, form.id ^ 1)) }
        }
    }

    @Test func `a name in lower case alone is nobody's mark`() {
        let marks = LoopMarks()
        let asked = question("a-name-with-many-letters.example")
        marks.note(asked, .init(id: 7, letters: 1 << 47, hasEDNS: true))
        let name = wire("a-name-with-many-letters.example")
        #expect(!isOwn(marks, name, name, 8))
    }

    @Test func `a loop is told once in ten minutes`() {
        let told = Locked(0)
        let watch = UpstreamWatch { news in
            if case .loop = news { told.withLock { $0 += 1 } }
        }
        for second in 1...1300 as ClosedRange<UInt64> {
            watch.noteLoop(question("a.example"), at: Instant(nanoseconds: second * 1_000_000_000))
        }
        #expect(told.withLock { $0 } == 3)
    }
}
