internal import DNSWire
internal import Green
internal import SimulatedDaemon
internal import TestSupport

/// A client that asks more than it may, now and then all at once, and judges what it is told.
final class SimulatedFlood {
    let host: VirtualHost
    private let plan: Plan
    private let limits: LimitPlan
    private let judge: Judge
    private let round: () -> Int
    private var random: SeededNumbers
    private(set) var isDone = false
    private static let name = "flood"
    private static let place = SocketAddress(IPAddress("10.0.0.53")!, port: 53)
    /// A number of a client that no other has.
    private static let number = 100

    /// What came of one flood.
    private struct Count {
        var whole = 0, cut = 0, refused = 0, sent = 0
        /// How long it took to send all, and a little for their way, in seconds.
        var seconds = 0.0
        var all: Int { whole + cut + refused }
    }

    init(_ world: VirtualWorld, _ limits: LimitPlan, _ judge: Judge, round: @escaping () -> Int) {
        host = world.addHost(Self.name, [IPAddress("10.0.4.1")!])
        (plan, self.limits, self.judge, self.round) = (judge.plan, limits, judge, round)
        random = SeededNumbers(seed: world.seed ^ 0xF100D)
        world.run(on: host, name: Self.name) { [self] hub in
            for _ in 0..<limits.times where judge.violation == nil {
                // Long enough for all that was taken to be given back.
                try hub.sleep(until: hub.now.advanced(by: .milliseconds(4_000 + Int.random(in: 0..<4_000, using: &random))))
                do {
                    switch limits.flood {
                    case .queries: try floodQueries(hub)
                    case .names: try floodNames(hub)
                    case .connections: try floodConnections(hub)
                    }
                } catch is SocketError {
                    // The daemon does not run, or did so no longer.
                }
            }
        } ended: { [self] error in
            isDone = true
            if let error, !(error is Interruption) { judge.fail("a client goes on", "\(Self.name): \(error)") }
        }
    }

    // MARK: - Queries

    private func floodQueries(_ hub: Hub) throws {
        let begun = round()
        let count = try ask(hub) { [self] id in
            let name = Plan.name(Int.random(in: 0..<plan.names, using: &random))
            return Judge.Asked(name: name, id: id, letters: name, at: judge.now(), hasEDNS: true, type: .a, client: Self.number)
        }
        let seen = "\(count.sent) asked: \(count.whole) answered, \(count.cut) cut, \(count.refused) refused"
        judge.log.say("\(Self.name): \(seen)")
        // An end of the daemon gives all that was taken back.
        guard begun == round(), begun % 2 == 0, judge.violation == nil else { return }
        let most = limits.burst + Int(count.seconds * Double(limits.queries)) + 1
        if count.whole > most { judge.fail("no client is answered more than it may ask", "\(seen), \(most) allowed") }
        if count.whole + count.cut < limits.burst { judge.fail("a client is answered what it may ask", seen) }
        if count.all < count.sent, limits.excess == .refuse, limits.refusals > 1_000 {
            judge.fail("who asks too much is refused", seen)
        }
        if limits.excess == .drop, count.refused > 0 { judge.fail("who asks too much is told nothing", seen) }
        if limits.slip == 1, count.all < count.sent { judge.fail("who asks too much is sent to TCP", seen) }
        let refusals = Int(Double(limits.refusals) * (1 + count.seconds)) + 1
        if count.refused > refusals { judge.fail("no network is told more refusals than it may be", seen) }
    }

    /// Asks for names that nobody else asks for: some are answered, more than may be asked at once are not.
    private func floodNames(_ hub: Hub) throws {
        let begun = round()
        let count = try ask(hub) { [self] id in
            let name = "r\(Int.random(in: 0..<1_000_000, using: &random)).flood.org"
            return Judge.Asked(name: name, id: id, letters: name, at: judge.now(), hasEDNS: true, type: .a, client: Self.number)
        }
        judge.log.say("\(Self.name): \(count.sent) names asked, \(count.whole) answers")
        guard begun == round(), begun % 2 == 0, judge.violation == nil else { return }
        if count.all < count.sent { judge.fail("each query is answered", "\(Self.name): \(count.all) of \(count.sent)") }
    }

    /// Sends all at once, and takes what comes until nothing more does.
    private func ask(_ hub: Hub, _ question: (UInt16) -> Judge.Asked) throws -> Count {
        let socket = try DatagramSocket(connectedTo: Self.place)
        defer { socket.close() }
        var open: [UInt16: Judge.Asked] = [:]
        var count = Count()
        let begun = hub.now
        for number in 1...limits.count {
            let asked = question(UInt16(number))
            guard var datagram = Datagram(hub: hub) else { break }
            datagram.fill(Message.query(asked.letters, asked.type, edns: EDNS(), id: asked.id).wire)
            socket.send(datagram)
            open[asked.id] = asked
            count.sent += 1
            if number % 20 == 0 { try hub.sleep(until: hub.now.advanced(by: .microseconds(300))) }
        }
        count.seconds = 0.1 + Double(begun.nanoseconds(to: hub.now)) / 1_000_000_000
        // A question has its time, and what is dropped has none.
        let deadline = hub.now.advanced(by: .milliseconds(Int(SimulatedClient.patience * 1_000)))
        var answers: [[UInt8]] = []
        while !open.isEmpty, try socket.receive(until: deadline, { answers.append([UInt8](copying: $0.bytes)) }) > 0 {
            for bytes in answers { take(bytes, &open, &count) }
            answers.removeAll()
        }
        return count
    }

    private func take(_ bytes: [UInt8], _ open: inout [UInt16: Judge.Asked], _ count: inout Count) {
        guard let answer = try? Message(bytes.span) else { return judge.fail("an answer can be read", Self.name) }
        guard let asked = open.removeValue(forKey: answer.id) else {
            return judge.fail("each query is answered once", "\(Self.name) id \(answer.id)")
        }
        if answer.responseCode == .refused {
            count.refused += 1
        } else if answer.flags.isTruncated {
            count.cut += 1
        } else {
            count.whole += 1
            // That too much is asked of the domain is a reason of its own.
            let isCrowded = limits.flood == .names && answer.responseCode == .servFail
            if !isCrowded { _ = judge.judge(answer, to: asked, by: Self.name, overStream: false) }
        }
    }

    // MARK: - Connections

    /// Opens more connections than it may have, and asks over each; most are closed again. What others have stays.
    private func floodConnections(_ hub: Hub) throws {
        var streams: [StreamSocket] = []
        defer { for stream in streams { stream.close() } }
        for number in 1...limits.count {
            let soon = hub.now.advanced(by: .seconds(3))
            guard let stream = try? StreamSocket.connect(to: Self.place, until: soon) else { continue }
            streams.append(stream)
            let name = Plan.name(number % plan.names)
            try? stream.writeMessage(Message.query(name, .a, id: UInt16(number)).wire, until: soon)
        }
        try hub.sleep(until: hub.now.advanced(by: .seconds(1)))
        let soon = hub.now.advanced(by: .milliseconds(10))
        let standing = streams.count { stream in (try? stream.readMessage(until: soon)) ?? nil != nil }
        judge.log.say("\(Self.name): \(standing) of \(limits.count) connections were answered")
    }
}
