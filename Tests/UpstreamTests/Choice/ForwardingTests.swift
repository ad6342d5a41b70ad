import DNSWire
import Green
import Testing

@testable import Upstream

/// What becomes of a question by what upstreams say.
@Suite struct `Forwarding` {
    @Test(arguments: World.allCases) func `an answer over UDP is handed on as it came`(_ world: World) throws {
        try onHub(world) { _ in
            let upstream = try FakeUpstream(id: 7) { [.send($0.answer())] }
            let reply = try ask(upstream)
            #expect(upstream.queries.count == 1)
            #expect(address(reply) == 1)
            #expect(reply.upstream == 7)
            #expect(reply.transport == .udp)
        }
    }

    @Test func `a query asks for recursion and for AD, with OPT of 1232 bytes`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream { [.send($0.answer())] }
            _ = try ask(upstream)
            let bytes = upstream.queries[0].bytes
            #expect(bytes[2...11].elementsEqual(word(0x0120) + word(1) + word(0) + word(0) + word(1)))
            #expect(bytes[upstream.queries[0].questionEnd...].elementsEqual([0] + word(41) + word(1232) + [0, 0, 0, 0, 0, 0]))
        }
    }

    @Test(arguments: World.allCases) func `a truncated answer is asked again over TCP`(_ world: World) throws {
        try onHub(world) { _ in
            let upstream = try FakeUpstream { [.send($0.isUDP ? $0.reply(flags: 0x0200) : $0.answer())] }
            let reply = try ask(upstream)
            #expect(reply.transport == .tcp)
            #expect(upstream.queries.map(\.transport) == [.udp, .tcp])
        }
    }

    @Test func `an upstream that is asked over TCP alone gets no datagram`() throws {
        try onHub { _ in
            let upstream = try FakeUpstream(transport: .tcp) { [.send($0.answer())] }
            #expect(try ask(upstream).transport == .tcp)
            #expect(upstream.queries.map(\.transport) == [.tcp])
        }
    }

    @Test func `AD counts of an upstream that is trusted with it alone`() throws {
        try onHub { hub in
            let fake = try FakeUpstream { query in
                var reply = query.answer()
                reply[3] |= 0x20
                return [.send(reply)]
            }
            for isTrusted in [false, true] {
                var address = fake.server.address
                address.trustsAD = isTrusted
                let server = UpstreamServer(address, id: 1, hub: hub)
                #expect(try ask([server]).answer.authenticData == isTrusted)
            }
            #expect(!UpstreamAddress(SocketAddress(IPAddress("192.0.2.1")!, port: 53)).trustsAD)
            #expect(UpstreamAddress(SocketAddress(.loopback, port: 53)).trustsAD)
        }
    }

    @Test(arguments: [ResponseCode.servFail, .refused, .notAuth])
    func `a failing upstream's question goes to the next one at once`(_ code: ResponseCode) throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(code))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let time = try elapsed { try #expect(ask([first, second]).upstream == 2) }
            #expect(time < .milliseconds(20))
            #expect(first.queries.count == 1)
            #expect(second.queries.count == 1)
        }
    }

    @Test(arguments: [ResponseCode.servFail, .refused])
    func `a failure without a question counts as one`(_ code: ResponseCode) throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.bare(code))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            #expect(try ask([first, second]).upstream == 2)
            #expect(first.queries.count == 1)
        }
    }

    @Test(arguments: 6...12) func `a verdict that the data is bogus is final`(_ error: UInt16) throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(.servFail, errors: [22, error]))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let failure = UpstreamFailure.refused(.servFail, ExtendedErrorCode(rawValue: error))
            #expect(throws: failure) { try ask([first, second]) }
            #expect(second.queries.isEmpty)
        }
    }

    @Test(arguments: [0, 5, 13, 22, 23] as [UInt16]) func `other extended errors are no verdict`(_ error: UInt16) throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(.servFail, errors: [error]))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            #expect(try ask([first, second]).upstream == 2)
        }
    }

    @Test func `NXDOMAIN is an answer`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(.nxDomain))] }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            #expect(try ask([first, second]).upstream == 1)
        }
    }

    @Test func `when all fail the last rcode and its reason are told`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(.servFail, errors: [22]))] }
            let second = try FakeUpstream(id: 2) { [.send($0.reply(.refused, errors: [18]))] }
            #expect(throws: UpstreamFailure.refused(.refused, .prohibited)) { try ask([first, second]) }
            #expect(first.queries.count + second.queries.count == 2)
        }
    }

    @Test func `without an upstream there is a reason at once`() throws {
        try onHub { _ in
            #expect(throws: UpstreamFailure.noUpstream) { try ask([]) }
        }
    }

    @Test(arguments: World.allCases) func `a closed port sends the question on at once`(_ world: World) throws {
        try onHub(world) { _ in
            let first = try FakeUpstream(id: 1) { _ in [] }
            first.closeDatagrams()
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            let time = try elapsed { try #expect(ask([first, second]).upstream == 2) }
            #expect(time < .milliseconds(300))
        }
    }

    @Test(arguments: World.allCases) func `when every port is closed the question ends at once`(_ world: World) throws {
        try onHub(world) { _ in
            let upstreams = try (1...3).map { try FakeUpstream(id: $0, tcp: false) { _ in [] } }
            for upstream in upstreams { upstream.closeDatagrams() }
            let time = elapsed { #expect(throws: UpstreamFailure.unreachable) { try ask(upstreams) } }
            #expect(time < .milliseconds(300))
            for upstream in upstreams { upstream.forget(transport: .tcp) }
            #expect(throws: UpstreamFailure.unreachable) { try ask(upstreams) }
        }
    }

    @Test func `garbage is a failure of its sender`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { query in
                var reply = query.answer()
                reply[7] = 9
                return [.send(reply)]
            }
            let second = try FakeUpstream(id: 2) { [.send($0.answer())] }
            #expect(try ask([first, second]).upstream == 2)
            #expect(throws: UpstreamFailure.refused(.servFail, .invalidData)) { try ask(first) }
        }
    }

    @Test func `what the last upstream said outlives that another could not be asked`() throws {
        try onHub { _ in
            let first = try FakeUpstream(id: 1) { [.send($0.reply(.servFail, errors: [22]))] }
            let second = try FakeUpstream(id: 2) { _ in [] }
            second.closeDatagrams()
            #expect(throws: UpstreamFailure.refused(.servFail, .noReachableAuthority)) { try ask([first, second]) }
        }
    }
}
