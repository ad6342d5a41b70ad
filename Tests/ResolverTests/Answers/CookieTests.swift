import DNSWire
import Green
import TestSupport
import Testing

@testable import Resolver

/// DNS cookies: made as RFC 9018 says, so that servers of other makers accept them, and looked at with care.
@Suite struct CookieTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap { $0.hexDigitValue }.map { UInt8($0) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    /// The examples of RFC 9018, A.
    @Test(
        arguments: [
            (
                "2464c4abcf10c957", 1_559_731_985, "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf",
                "010000005cf79f111f8130c3eee29480"
            ),
            (
                "2464c4abcf10c957", 1_559_734_385, "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf",
                "010000005cf7a871d4a564a1442aca77"
            ),
            (
                "fc93fc62807ddb86", 1_559_734_700, "203.0.113.203", "e5e973e5a6b2a43f48e7dc849e37bfcf",
                "010000005cf7a9acf73a7810aca2381e"
            ),
            (
                "22681ab97d52c298", 1_559_741_961, "2001:db8:220:1:59de:d0f4:8769:82b8", "445536bcd2513298075a5d379663c962",
                "010000005cf7c609a6bb79d16625507a"
            ),
        ] as [(String, UInt64, String, String, String)])
    func `a server's cookie is what the RFC says`(
        _ client: String, _ time: UInt64, _ address: String, _ secret: String, _ expected: String
    ) {
        let cookies = ServerCookies(.answer, keys: [CookieKey(Self.bytes(secret))!], origin: .random())
        let number = IPAddress(address)!.number
        let (stamp, hash) = cookies.make(Self.word(Self.bytes(client)), for: number, at: time)
        let wanted = Self.bytes(expected)
        #expect(stamp == Self.word(wanted[..<8]))
        #expect(hash == Self.word(wanted[8...]))
        #expect(cookies.accepts(Self.word(Self.bytes(client)), stamp, hash, of: number, at: time + 3_600))
        #expect(!cookies.accepts(Self.word(Self.bytes(client)), stamp, hash, of: number, at: time + 3_601))
        #expect(!cookies.accepts(Self.word(Self.bytes(client)), stamp, hash, of: number, at: time - 301))
        #expect(!cookies.accepts(Self.word(Self.bytes(client)), stamp, hash, of: number ^ 1, at: time))
        #expect(!cookies.accepts(Self.word(Self.bytes(client)) ^ 1, stamp, hash, of: number, at: time))
        for bit in 0..<64 as Range<UInt64> {
            #expect(!cookies.accepts(Self.word(Self.bytes(client)), stamp, hash ^ 1 << bit, of: number, at: time))
            #expect(!cookies.accepts(Self.word(Self.bytes(client)), stamp ^ 1 << bit, hash, of: number, at: time))
        }
    }

    @Test func `a former key is good, one that is gone is not, and those of a day follow from one secret`() {
        let (old, new) = (CookieKey.random(), CookieKey.random())
        let before = ServerCookies(.answer, keys: [old], origin: .random())
        let (stamp, hash) = before.make(7, for: 1, at: 1_000)
        #expect(ServerCookies(.answer, keys: [new, old], origin: .random()).accepts(7, stamp, hash, of: 1, at: 1_010))
        #expect(!ServerCookies(.answer, keys: [new], origin: .random()).accepts(7, stamp, hash, of: 1, at: 1_010))
        let own = ServerCookies(.answer, keys: [], origin: old)
        let midnight: UInt64 = 86_400 * 20_000
        let (lateStamp, late) = own.make(7, for: 1, at: midnight - 10)
        #expect(own.accepts(7, lateStamp, late, of: 1, at: midnight + 10))
        #expect(own.make(7, for: 1, at: midnight).hash != late)
        #expect(!ServerCookies(.answer, keys: [], origin: new).accepts(7, lateStamp, late, of: 1, at: midnight))
    }

    private static let client: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    private func run(_ mode: ServerCookies.Mode, _ body: @escaping (ResolverWorld) throws -> Void) throws {
        try ResolverWorld.run {
            $0.cookies = ServerCookies(mode, keys: [], origin: .random())
        } _: {
            try body($0)
        }
    }

    /// The answer to a query with some options, or without OPT, and its cookie.
    private func ask(
        _ world: ResolverWorld, _ options: [EDNSOption]?, from client: UInt128 = 0, streams: Bool = false, _ query: Message? = nil
    ) throws -> (Message, AnswerCookie) {
        var message = query ?? .query("www.example.")
        message.edns = options.map { EDNS(udpPayloadSize: 1232, options: $0) }
        let wire = message.wire
        var buffer = [UInt8](repeating: 0, count: 4096)
        for index in wire.indices { buffer[index] = wire[index] }
        var span = buffer.mutableSpan
        var view = QueryView()
        switch world.resolver.begin(&view, length: wire.count, in: &span, from: client, over: streams ? .tcp : .udp) {
        case .answered(let count): return (try Message(Array(buffer[..<count]).span), view.cookie)
        default:
            let pending = PendingQuery(&view, wire.span, from: client)
            let resolution = world.resolver.resolve(pending)
            let count = world.resolver.write(pending, resolution, into: &span, limit: world.resolver.datagramLimit(pending))
            return (try Message(Array(buffer[..<count]).span), pending.cookie)
        }
    }

    /// The option that a cookie is written as.
    private static func option(_ cookie: AnswerCookie) -> EDNSOption {
        var bytes = [UInt8](repeating: 0, count: AnswerCookie.length)
        var span = bytes.mutableSpan
        cookie.write(to: &span, at: 0)
        return EDNSOption(.cookie, Array(bytes[4...]))
    }

    @Test func `who sends a cookie gets one with the answer, and is asked for none`() throws {
        try run(.answer) { world throws in
            for options in [
                [EDNSOption.cookie(client: Self.client)], [.cookie(client: Self.client, server: [9, 9, 9, 9, 9, 9, 9, 9])],
            ] {
                let (answer, cookie) = try ask(world, options)
                #expect(answer.responseCode == .noError && answer.answers.count == 1 && cookie.isGiven)
                #expect(Self.option(cookie).cookies?.client == Self.client && Self.option(cookie).cookies?.server.count == 16)
            }
            #expect(try !ask(world, []).1.isGiven && !ask(world, nil).1.isGiven)
        }
        try run(.off) { world throws in
            let (answer, cookie) = try ask(world, [.cookie(client: Self.client)])
            #expect(answer.answers.count == 1 && !cookie.isGiven)
        }
    }

    @Test func `a cookie leaves room for itself in a datagram`() throws {
        try run(.answer) { world throws in
            world.upstream.answer = { .address($0, count: 200) }
            let (answer, _) = try ask(world, [.cookie(client: Self.client)])
            #expect(answer.wire.count <= 1232 - AnswerCookie.length && answer.flags.isTruncated)
        }
    }

    @Test(arguments: [0, 1, 7, 9, 15, 41, 64]) func `a cookie of another length is malformed`(_ count: Int) throws {
        try run(.answer) { world throws in
            let (answer, cookie) = try ask(world, [EDNSOption(.cookie, [UInt8](repeating: 1, count: count))])
            #expect(answer.responseCode == .formErr && !cookie.isGiven)
            // Only the first one counts.
            let (second, _) = try ask(
                world, [.cookie(client: Self.client), EDNSOption(.cookie, [UInt8](repeating: 1, count: count))])
            #expect(second.responseCode == .noError)
        }
    }

    @Test func `where cookies are required, none is told to ask over TCP, and a bad one is told a good one`() throws {
        try run(.require) { world throws in
            for options in [nil, []] as [[EDNSOption]?] {
                let (answer, _) = try ask(world, options)
                #expect(answer.flags.isTruncated && answer.answers.isEmpty && answer.responseCode == .noError)
                #expect(try ask(world, options, streams: true).0.answers.count == 1)
            }
            let (bad, cookie) = try ask(world, [.cookie(client: Self.client)])
            #expect(bad.responseCode == .badCookie && bad.answers.isEmpty && cookie.isGiven)
            for _ in 0..<2 { #expect(try ask(world, [Self.option(cookie)]).0.answers.count == 1) }
            #expect(try ask(world, [Self.option(cookie)], from: 1).0.responseCode == .badCookie)
            #expect(try ask(world, [.cookie(client: Self.client)], streams: true).0.answers.count == 1)
            try sleep(.seconds(3_700))
            #expect(try ask(world, [Self.option(cookie)]).0.responseCode == .badCookie)
        }
    }

    @Test func `a query of a cookie alone is answered with one`() throws {
        for mode in [ServerCookies.Mode.answer, .require] {
            try run(mode) { world throws in
                let (answer, cookie) = try ask(world, [.cookie(client: Self.client)], Message(id: 9))
                #expect(cookie.isGiven && answer.questions.isEmpty && answer.id == 9)
                #expect(answer.responseCode == (mode == .answer ? .noError : .badCookie))
                let (again, _) = try ask(world, [Self.option(cookie)], Message(id: 9))
                #expect(again.responseCode == .noError)
            }
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>) func `no change to a cookie makes another good`(_ seed: UInt64) throws {
        try run(.require) { world throws in
            let (_, cookie) = try ask(world, [.cookie(client: Self.client)])
            let good = Self.option(cookie).data
            _ = try ask(world, [Self.option(cookie)])
            var mutate = Mutation(seed: seed)
            for _ in 0..<3_000 {
                let data = Array(mutate(good).prefix(200))
                let (answer, _) = try ask(world, [EDNSOption(.cookie, data)])
                #expect((answer.responseCode == .noError && !answer.flags.isTruncated) == (data == good), "\(data)")
            }
        }
    }
}
