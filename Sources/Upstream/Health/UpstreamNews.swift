/// What an operator should know of upstreams.
package enum UpstreamNews: Sendable {
    /// One has stopped answering, and did not answer a second time: why.
    case stopped(UpstreamAddress, UpstreamTrouble)
    /// It answers again, after so long.
    case back(UpstreamAddress, after: Duration)
    /// A query of our own came back from an upstream: it is this server under another name, or asks it.
    case loop(UpstreamQuestion)
    /// Questions that an upstream is asked are asked from its own address, and stay without an answer.
    case suspectedLoop(UpstreamQuestion)
    /// What came as an upstream's answer is not what a verifying upstream says: it was forged on the way, it seems.
    case forged(UpstreamQuestion, UpstreamAddress)
    /// A question found no answer. Told for each, for those who look for a fault.
    case unanswered(UpstreamQuestion, UpstreamFailure)
}

/// What is wrong with an upstream.
package enum UpstreamTrouble: Sendable, Hashable {
    /// Nothing came from it within the time of a try.
    case silent
    /// Nobody listens there, there is no way, or it breaks connections off.
    case unreachable
    /// No bootstrap resolver knows an address of its name.
    case nameless
    /// Its certificate is wrong, or it does not speak TLS: what was found.
    case insecure(String)
    /// It answers SERVFAIL, whatever it is asked.
    case servFail
    /// Its HTTP responses are no answers, whatever it is asked: what they are.
    case http(String)

    /// Whether it says something, but never an answer.
    var isOfReplies: Bool {
        switch self {
        case .servFail, .http: true
        case .silent, .unreachable, .nameless, .insecure: false
        }
    }

    /// What an operator is told.
    package var text: String {
        switch self {
        case .silent: "no answer"
        case .unreachable: "unreachable"
        case .nameless: "no address: the bootstrap resolvers do not know its name, or do not answer"
        case .insecure(let reason), .http(let reason): reason
        case .servFail: "answers SERVFAIL to everything"
        }
    }
}
