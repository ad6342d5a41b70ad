// A caching DNS proxy: one greenlet for each query. What is known comes from a dictionary, else from Redis, which other proxies
// share, else from an upstream resolver, each question once. `dns-proxy LISTEN UPSTREAM [REDIS]`, such as
// `dns-proxy 127.0.0.1:5353 9.9.9.9:53 redis://127.0.0.1`; then `dig @127.0.0.1 -p 5353 www.example.org`.
import DNSWire
import Glibc
import Green
import GreenRedis

/// A reply, and when it came, in seconds since 1970.
struct Kept {
    var reply: Message
    let since: Int

    /// How long it counts: as its answer says, or the SOA of one without; not at all where neither does.
    var life: Int {
        guard [.noError, .nxDomain].contains(reply.responseCode), !reply.flags.isTruncated else { return 0 }
        let records = reply.answers.isEmpty ? reply.authorities.filter { $0.type == .soa } : reply.answers
        return Int(min(records.map(\.ttl).min() ?? 0, 65_000))
    }
}

final class CachingProxy: DatagramServer {
    var upstream = SocketAddress.unnamed
    var redis: RedisConnection?
    var known: [Question: Kept] = [:]
    var asked: [Question: Greenlet<Kept>] = [:]
    var now: Int { Int(socket.hub.loop.wallTime() / 1_000_000_000) }

    override func handle(_ datagram: consuming Datagram) {
        let path = datagram.returnPath
        guard let query = try? Message(datagram.bytes), !query.flags.isResponse, query.questions.count == 1 else { return }
        let kept = try? find(query.questions[0])
        var reply = kept?.reply ?? Message()
        if kept == nil { reply.responseCode = .servFail }
        let age = UInt32(clamping: now - (kept?.since ?? now))
        for index in reply.answers.indices { reply.answers[index].ttl -= min(reply.answers[index].ttl, age) }
        for index in reply.authorities.indices { reply.authorities[index].ttl -= min(reply.authorities[index].ttl, age) }
        (reply.id, reply.questions, reply.additionals) = (query.id, query.questions, [])
        (reply.flags.isResponse, reply.edns) = (true, query.edns.map { _ in EDNS() })
        let room = min(max(512, Int(query.edns?.udpPayloadSize ?? 512)), 1232)
        if (try? reply.encoded(limit: room)) == nil {
            (reply.flags.isTruncated, reply.answers, reply.authorities) = (true, [], [])
        }
        guard let bytes = try? reply.encoded(limit: room), let answer = Datagram(bytes) else { return }
        answer.setReturnPath(path)
        socket.send(answer)
    }

    /// The reply to a question, from wherever it is known; who asks for the same meanwhile waits for it.
    func find(_ question: Question) throws -> Kept {
        if let kept = known[question], kept.since + kept.life > now { return kept }
        let asking = asked[question] ?? spawn { try self.fromRedis(question) ?? self.ask(question) }
        asked[question] = asking
        defer { asked[question] = nil }
        let kept = try asking.get()
        if known.count >= 10_000 { known = [:] }
        known[question] = kept
        return kept
    }

    /// What another proxy has put there: the reply, whose id is when it came, in seconds modulo 65,536.
    func fromRedis(_ question: Question) throws -> Kept? {
        guard case .bytes(let value)? = try? redis?.command("GET proxy:\("\(question)")", until: .in(.milliseconds(50))),
            let reply = try? Message(value.span), reply.questions == [question]
        else { return nil }
        return Kept(reply: reply, since: now - Int(UInt16(truncatingIfNeeded: now) &- reply.id))
    }

    /// Asks upstream, and tells Redis.
    func ask(_ question: Question) throws -> Kept {
        var query = Message(id: UInt16(truncatingIfNeeded: socket.hub.loop.random()))
        (query.flags.recursionDesired, query.questions, query.edns) = (true, [question], EDNS())
        let (connection, limit) = (try DatagramSocket(connectedTo: upstream), Instant.in(.seconds(3)))
        if let datagram = Datagram(try query.encoded()) { connection.send(datagram) }
        var kept = Kept(reply: Message(), since: now)
        while !kept.reply.flags.isResponse || kept.reply.id != query.id || kept.reply.questions != query.questions {
            let count = try connection.receive(until: limit) { if let reply = try? Message($0.bytes) { kept.reply = reply } }
            guard count > 0 else { throw SocketError.timedOut }
        }
        kept.reply.id = UInt16(truncatingIfNeeded: kept.since)
        let value = RedisArgument(try kept.reply.encoded())
        if kept.life > 0 { try? redis?.post(["SET", .init("proxy:\(question)"), value, "EX", .init(kept.life)]) }
        return kept
    }
}

let arguments = CommandLine.arguments.dropFirst()
let addresses = arguments.prefix(2).compactMap { SocketAddress($0, defaultPort: 53) }
guard addresses.count == 2 else { fatalError("usage: dns-proxy LISTEN UPSTREAM [REDIS]") }
try green {
    let listener = try Hub.current.loop.listen(.datagram, at: addresses[0], options: ListenOptions())
    let proxy = CachingProxy(socket: try DatagramSocket(listener: listener))
    proxy.upstream = addresses[1]
    proxy.redis = arguments.dropFirst(2).first.flatMap { RedisURL($0) }.map { RedisConnection(RedisOptions($0)) }
    proxy.start()
    print("listening on \(listener.address)")
    fflush(nil)
    for _ in try Signals([SIGINT, SIGTERM]) { break }
}
