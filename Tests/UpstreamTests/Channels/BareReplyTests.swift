import DNSWire
import Green
import Testing

@testable import Upstream

/// Replies that leave something out.
@Suite struct `Replies that leave something out` {
    /// What may stand behind a header without a question.
    static let tails: [[UInt8]] = [
        [], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0], [1, 2, 3], [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 6, 0, 15, 0, 2, 0, 22],
    ]

    /// A reply to `query` without its question: a header with a code and a count of additional records, and a tail.
    static func reply(_ query: FakeQuery, _ code: UInt8, flags: UInt8 = 0x81, tail: [UInt8], additional: UInt8) -> [UInt8] {
        word(query.id) + [flags, 0x80 | code, 0, 0, 0, 0, 0, 0, 0, additional] + tail
    }

    @Test(arguments: [[0, 1, 0, 40, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
    func `a header alone with TC leads to TCP at once`(_ counts: [UInt8]) throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                [.send(query.isUDP ? word(query.id) + [0x83, 0x80] + counts : query.answer())]
            }
            let time = try elapsed { try #expect(ask(upstream).transport == .tcp) }
            #expect(time < .milliseconds(10))
            #expect(upstream.queries.map(\.transport) == [.udp, .tcp])
        }
    }

    @Test func `a reply that is cut inside the question and says TC leads to TCP at once`() throws {
        for count in 13...28 {
            try onHub { _ in
                let upstream = try FakeUpstream { query in
                    [.send(query.isUDP ? Array(query.reply(flags: 0x200).prefix(count)) : query.answer())]
                }
                let time = try elapsed { try #expect(ask(upstream).transport == .tcp) }
                #expect(time < .milliseconds(10))
            }
        }
    }

    @Test(arguments: [2, 3, 5, 8, 9, 10] as [UInt8], [UpstreamAddress.Transport.udp, .tcp])
    func `a failure without a question sends the question on at once`(
        _ code: UInt8, _ transport: UpstreamAddress.Transport
    ) throws {
        for (index, tail) in Self.tails.enumerated() {
            try onHub { _ in
                let first = try FakeUpstream(transport: transport, id: 1) {
                    [.send(Self.reply($0, code, tail: tail, additional: index % 2 == 1 ? 1 : 0))]
                }
                let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
                let time = try elapsed { try #expect(ask([first, second]).upstream == 2) }
                #expect(time < .milliseconds(20))
                // With nobody else to ask it ends soon, with TCP or without.
                for hasTCP in [true, false] {
                    let alone = try FakeUpstream(transport: hasTCP ? transport : .udp, tcp: hasTCP) {
                        [.send(Self.reply($0, code, tail: tail, additional: index % 2 == 1 ? 1 : 0))]
                    }
                    let end = elapsed { #expect(throws: UpstreamFailure.self) { try ask(alone) } }
                    #expect(end < .seconds(1))
                }
            }
        }
    }

    @Test(arguments: [1, 4, 6] as [UInt8], [UpstreamAddress.Transport.udp, .tcp])
    func `a refusal of OPT without a question leads to one without OPT at once`(
        _ code: UInt8, _ transport: UpstreamAddress.Transport
    ) throws {
        for (index, tail) in Self.tails.enumerated() where code != 6 {
            try onHub { _ in
                let upstream = try FakeUpstream(transport: transport) { query in
                    guard query.hasEDNS else { return [.send(query.answer())] }
                    return [.send(Self.reply(query, code, tail: tail, additional: index % 2 == 1 ? 1 : 0))]
                }
                let time = try elapsed { try #expect(address(ask(upstream)) == 1) }
                #expect(time < .milliseconds(10))
                #expect(upstream.queries.map(\.hasEDNS) == [true, false])
            }
        }
    }

    @Test func `BADVERS in an OPT behind no question leads to a question without OPT`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                guard query.hasEDNS else { return [.send(query.answer())] }
                return [.send(Self.reply(query, 0, tail: [0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0], additional: 1))]
            }
            #expect(address(try ask(upstream)) == 1)
            #expect(upstream.queries.map(\.hasEDNS) == [true, false])
        }
    }

    @Test(arguments: [[0xC0, 12], [3, 0x77, 0x77, 0x77, 0xC0, 12]] as [[UInt8]])
    func `a question whose name leads to itself is a broken reply: TCP at once, then the next`(_ name: [UInt8]) throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { query in
                [.send(word(query.id) + [0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1])]
            }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let time = try elapsed { try #expect(ask([first, second]).upstream == 2) }
            #expect(time < .milliseconds(20))
            #expect(first.queries.map(\.transport) == [.udp, .tcp])
        }
    }

    @Test func `an answer without its question is none`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { query in
                let record = [0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 66] as [UInt8]
                return [.send(query.isUDP ? word(query.id) + [0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0] + record : query.answer())]
            }
            #expect(address(try ask(upstream)) != 66)
        }
    }

    @Test func `a reply that cannot be read is asked for once more over TCP, and the next after that`() throws {
        try onHub { _ in
            func cut(_ query: FakeQuery) -> [UInt8] {
                var reply = query.answer()
                reply[7] = 9
                return reply
            }
            let first = try FakeUpstream(id: 1) { [.send($0.isUDP ? cut($0) : $0.answer())] }
            #expect(try ask(first).transport == .tcp)
            let broken = try FakeUpstream(id: 2) { [.send(cut($0))] }
            let good = try FakeUpstream(id: 3) { [.send($0.answer())] }
            #expect(try ask([broken, good]).upstream == 3)
            #expect(broken.queries.map(\.transport) == [.udp, .tcp])
            #expect(throws: UpstreamFailure.refused(.servFail, .invalidData)) { try ask(broken) }
        }
    }
}
