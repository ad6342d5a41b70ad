/// What one worker counts about one upstream.
package final class UpstreamFigures: Sendable {
    /// Questions that were sent: each try is one.
    package let queries = Counter()
    /// Datagrams that were sent again because no answer had come.
    package let resends = Counter()
    /// Answers and failures that came.
    package let replies = Counter()
    /// Replies that said SERVFAIL, REFUSED or the like, or could not be read.
    package let refusals = Counter()
    /// Tries that ended because nothing came in time.
    package let timeouts = Counter()
    /// Tries that ended because nobody listens there, there is no way, or the connection broke.
    package let unreachable = Counter()
    /// Connections that it was not safe to ask over: a wrong certificate, no TLS.
    package let insecure = Counter()
    /// Connections that were opened.
    package let connections = Counter()
    /// TLS handshakes that succeeded.
    package let handshakes = Counter()
    /// Those of them that resumed an earlier session.
    package let resumptions = Counter()
    /// Questions that it was asked because another was late.
    package let hedges = Counter()
    /// Those of them that it answered first.
    package let hedgesWon = Counter()
    /// Messages from it, or in its name, that fitted no question.
    package let strays = Counter()
    /// Replies with the right id, from the right peer, that did not have the question as it was written.
    package let nearMisses = Counter()
    /// Answers of it that were suspicious, and asked of a verifying upstream.
    package let suspicious = Counter()
    /// Those of them that were not what the verifying upstream said.
    package let forged = Counter()
    /// Its round trips.
    package let roundTrips = LogLinearHistogram()
    /// The last of them.
    package let recent = RecentDurations()

    /// Nothing counted.
    package init() {}

    /// Records a round trip.
    package func record(nanoseconds: UInt64) {
        replies.add()
        roundTrips.record(nanoseconds: nanoseconds)
        recent.record(nanoseconds: nanoseconds)
    }
}
