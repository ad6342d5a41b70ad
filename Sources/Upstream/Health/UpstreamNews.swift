/// What an operator should know of upstreams.
package enum UpstreamNews: Sendable {
    /// One has stopped answering, and did not answer a second time: why.
    case stopped(UpstreamAddress, UpstreamTrouble)
    /// It answers again, after so long.
    case back(UpstreamAddress, after: Duration)
    /// A query of our own came back from an upstream: it is this server under another name, or asks it.
    case loop(UpstreamQuestion)
    /// A question found no answer. Told for each, for those who look for a fault.
    case unanswered(UpstreamQuestion, UpstreamFailure)
}

/// What is wrong with an upstream.
package enum UpstreamTrouble: String, Sendable, Hashable {
    /// Nothing came from it within the time of a try.
    case silent = "no answer"
    /// Nobody listens there, there is no way, or it breaks connections off.
    case unreachable = "unreachable"
    /// It answers SERVFAIL, whatever it is asked.
    case servFail = "answers SERVFAIL to everything"
}
