internal import Belief
internal import Green
internal import Observation

/// What who watches a question is told of its tries.
extension Asking {
    /// Whether somebody watches.
    var isWatched: Bool { standing?.trace(at: now) != nil }

    /// A try was made.
    @inline(never)
    func noteTry(_ exchange: Exchange, fresh: Bool) {
        var text = "asked over \(exchange.route.transport.rawValue)"
        if exchange.route.transport != .udp {
            text += exchange.isOnUsedConnection ? ", on a connection that stands" : ", on a new connection"
        }
        if fresh { text += " beside a silent one" }
        if !exchange.route.hasEDNS { text += ", without EDNS" }
        note(exchange.server, text)
    }

    /// A reply was believed to be the server's.
    @inline(never)
    func noteReply(_ judgement: Judgement, _ exchange: Exchange) {
        let took = exchange.sentAt.nanoseconds(to: now) / 1_000
        guard case .answer(let answer) = judgement else {
            return note(exchange.server, "\(Self.words(judgement)) after \(took) µs")
        }
        let dropped = answer.droppedCount > 0 ? ", \(answer.droppedCount) records not believed" : ""
        note(
            exchange.server,
            "\(answer.responseCode) after \(took) µs: \(answer.counts.answers) + \(answer.counts.authorities) + "
                + "\(answer.counts.additionals) records, \(answer.recordByteCount) bytes\(dropped)")
    }

    /// Something happened at a server.
    @inline(never)
    func note(_ server: UpstreamServer, _ text: String) {
        standing?.trace?.note("\(server.address)", depth: 1, at: now, text)
    }

    /// What a reply that is no answer says.
    private static func words(_ judgement: Judgement) -> String {
        switch judgement {
        case .answer: "an answer"
        case .truncated: "cut short (TC)"
        case .withoutEDNS(let code): "\(code), as servers without EDNS say"
        case .failure(let code, let reason): "\(code)" + (reason.map { " (\($0))" } ?? "")
        case .bogus(let reason): "does not validate (\(reason))"
        case .broken: "a reply that is broken, or no answer to this"
        }
    }
}
