// What a seed stands for: machines, settings and events, drawn once, as plain data that can be made smaller.

internal import TestSupport

/// How an upstream behaves.
package enum Behaviour: String, CaseIterable, Sendable {
    /// Answers at once, and truthfully.
    case honest
    /// The same, after up to a second.
    case slow
    /// Over UDP it says that all is truncated.
    case truncating
    /// Over TCP it closes each connection at the third question, unanswered.
    case closing
    /// Before its own answer come those of a forger, in which all is right but one thing: id, question, letters, port or address.
    case forging
    /// Leaves half of the questions unanswered.
    case halfDead
    /// Answers nothing.
    case dead
    /// SERVFAIL to all.
    case broken
    /// Noise.
    case garbage

    /// Whether a question to it is answered truthfully in the end.
    package var isGood: Bool { [.honest, .slow, .truncating, .closing, .forging].contains(self) }
}

/// How Redis behaves.
package enum RedisBehaviour: String, CaseIterable, Sendable {
    case well, slow, garbage, closing, wrongValues, down, silent
}

/// How a client asks.
package enum ClientTransport: String, CaseIterable, Sendable {
    case udp, tcp, http2
    /// HTTP/1.1 in the clear; over TLS there are DNS, HTTP/2 and HTTP/1.1.
    case http1, tls, https, https1

    /// Whether it asks over HTTP.
    var isHTTP: Bool { [.http1, .http2, .https, .https1].contains(self) }
}

/// How an upstream is asked.
package enum UpstreamTransport: String, CaseIterable, Sendable {
    case udp, tcp, tls, https

    /// Whether nobody on the way can read or change what is said.
    var isEncrypted: Bool { self == .tls || self == .https }
}

/// What happens at a moment.
package enum Occurrence: Hashable, Sendable {
    /// All names hold something else from now on.
    case newEra
    case upstream(Int, Behaviour)
    case redis(RedisBehaviour)
    /// Nothing comes through between the daemon and an upstream for so many seconds.
    case partition(Int, seconds: Int)
    case flushAll
    case flush(name: Int)
    case reload
    case restart
    case crash
    /// The wall clock is set, by so many seconds.
    case wallClock(Int)
    /// The machine sleeps for so many seconds.
    case suspend(Int)
    case deny(name: Int)
    case allow(name: Int)
    case list(ListOccurrence)
}

/// A run, as a seed says.
package struct Plan: Sendable {
    /// What it was drawn from.
    package let seed: UInt64
    /// How long clients ask, in seconds.
    package var seconds: Int
    /// How many names there are.
    package let names: Int
    package var clients: [(number: Int, transport: ClientTransport, pause: Int)] = []
    package var upstreams: [(behaviour: Behaviour, transport: UpstreamTransport)] = []
    package var events: [(number: Int, at: Int, what: Occurrence)] = []
    package let redis: RedisBehaviour?
    package let workers: Int
    package let cacheSize: String
    /// Whether what is to be kept is kept in memory to its end.
    var keepsAll: Bool { cacheSize == "1MiB" }
    package let staleSeconds: Int
    package let staleTimeout: String
    package let prefetches: Bool
    package let policy: String
    /// Whether the network loses, doubles and overtakes between daemon and upstreams, or clients.
    package let isUpstreamLossy: Bool
    package let isClientLossy: Bool
    /// Whether streams take only a little at a time, though nothing is lost.
    package let isNarrow: Bool
    /// Whether all goes well but for what must not be noticed: then no query may fail.
    package let isKind: Bool
    /// What has to do with TLS.
    package var encryption = Encryption()
    /// Lists of names, limits of clients, and cookies, in some worlds.
    package var lists: ListPlan?
    package var limits: LimitPlan?
    package var cookies: CookiePlan?

    /// What a seed says.
    package init(seed: UInt64) {
        self.seed = seed
        var numbers = SeededNumbers(seed: seed &* 0x2545_F491_4F6C_DD1D ^ 0xABCD)
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        func chance(_ percent: Int) -> Bool { draw(0..<100) < percent }
        isKind = chance(35)
        seconds = chance(90) ? draw(20..<90) : draw(200..<900)
        names = draw(2..<30)
        workers = draw(1..<3)
        let size = chance(15) ? "64KiB" : "1MiB"
        staleSeconds = chance(50) ? draw(30..<3600) : 0
        staleTimeout = chance(30) ? "0ms" : "1800ms"
        prefetches = chance(50)
        policy = ["ordered", "fastest", "parallel"][draw(0..<3)]
        isUpstreamLossy = !isKind && chance(40)
        isClientLossy = !isKind && chance(25)
        let hasRedis = chance(35)
        redis = hasRedis ? RedisBehaviour.allCases[chance(50) ? 0 : draw(0..<RedisBehaviour.allCases.count)] : nil
        for number in 0..<draw(1..<6) {
            let transport: ClientTransport = chance(55) ? .udp : chance(50) ? .tcp : .http2
            // Those who ask all the time do so for a minute or so: longer shows no more.
            clients.append((number, transport, seconds < 100 && chance(30) ? draw(50..<400) : draw(500..<4000)))
        }
        for _ in 0..<draw(1..<4) {
            let good = Behaviour.allCases.filter(\.isGood)
            let behaviour = isKind || chance(60) ? good[draw(0..<good.count)] : Behaviour.allCases[draw(0..<9)]
            upstreams.append((behaviour, chance(35) ? .tcp : .udp))
        }
        for number in 0..<draw(0..<10) {
            let what = Self.occurrence(&numbers, names, upstreams.count, isKind: isKind, hasRedis: hasRedis)
            events.append((number, draw(0..<seconds), what))
        }
        isNarrow = chance(25)
        // Then all is read from Redis.
        cacheSize = hasRedis && chance(30) ? "0" : size
        events.sort { ($0.at, $0.number) < ($1.at, $1.number) }
        drawEncryption()
        drawTraits()
    }

    private static func occurrence(
        _ numbers: inout SeededNumbers, _ names: Int, _ upstreams: Int, isKind: Bool, hasRedis: Bool
    ) -> Occurrence {
        func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
        let good = Behaviour.allCases.filter(\.isGood)
        switch draw(0..<16) {
        case 0...2: return .newEra
        case 3: return .flushAll
        case 4: return .flush(name: draw(0..<names))
        case 5: return .reload
        case 6: return .wallClock(draw(-100_000..<100_000))
        case 7: return .suspend(draw(1..<200))
        case 8, 9: return .deny(name: draw(0..<names))
        case 10: return .allow(name: draw(0..<names))
        case 11 where hasRedis: return .redis(RedisBehaviour.allCases[draw(0..<RedisBehaviour.allCases.count)])
        case 12: return isKind ? .newEra : .crash
        case 13: return isKind ? .reload : .restart
        case 14: return isKind ? .newEra : .partition(draw(0..<upstreams), seconds: draw(1..<60))
        default: return .upstream(draw(0..<upstreams), isKind ? good[draw(0..<good.count)] : Behaviour.allCases[draw(0..<9)])
        }
    }

    /// The settings in YAML; `round` differs after each reload.
    package func settings(round: Int) -> String {
        return """
            listen: [\(listeners.map { "\"\($0)\"" }.joined(separator: ", "))]
            \(tlsSettings)upstreams: [\(upstreams.indices.map { "\"\(upstreamURL($0))\"" }.joined(separator: ", "))]
            policy: \(policy)
            control: /run/vireo/control.sock
            control-mode: "0660"
            workers: \(workers)
            cookies: \(cookies?.mode.rawValue ?? "off")
            cache:
              size: \(cacheSize)
              serve-stale: \(staleSeconds)s
              stale-client-timeout: \(staleTimeout)
              prefetch: \(prefetches != (round % 2 == 1))
              snapshot: /var/cache/vireo/snapshot
            \(redis == nil ? "" : "  redis: \"redis://10.0.2.1:6379\"\n")
            """ + traits(round: round)
    }

    /// The name of a number.
    package static func name(_ number: Int) -> String { "n\(number).z\(number % 3).org" }
}
