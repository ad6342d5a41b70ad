internal import AnswerCache
package import DNSWire
internal import Green

/// Cookies of clients (RFC 7873).
extension Resolver {
    /// Looks at the COOKIE option of a query, or at that there is none, and makes the one of its answer; says what to answer where
    /// that is not what was asked for. Off the path of a hit without one, unless cookies are asked for.
    @inline(never)
    func checkCookie(
        _ query: inout QueryView, _ buffer: inout MutableSpan<UInt8>, from client: UInt128, streams: Bool
    ) -> Step? {
        query.cookie = AnswerCookie()
        guard cookies.mode != .off else { return nil }
        let mustHave = cookies.mode == .require && !streams
        guard let place = query.edns.flatMap({ $0.hasCookie ? $0.cookie(in: buffer.span) : nil }) else {
            return mustHave ? answer(.tooLong, query, &buffer) : nil
        }
        // RFC 7873 5.2.2.
        guard place.count == 8 || (16...40).contains(place.count) else {
            return answer(Reply(refusing: .formErr), query, &buffer)
        }
        let seconds = cookieSeconds
        cookies.prepare(at: seconds)
        let own = buffer.span.loadWord(at: place.lowerBound)
        if place.count == 24 {
            query.cookie.shownStamp = buffer.span.loadWord(at: place.lowerBound + 8)
            query.cookie.shownHash = buffer.span.loadWord(at: place.lowerBound + 16)
        }
        let (stamp, hash) = cookies.make(own, for: client, at: seconds)
        query.cookie.client = own
        query.cookie.stamp = stamp
        query.cookie.hash = hash
        query.cookie.isGiven = true
        guard mustHave, !isGood(query.cookie, of: client, at: seconds) else { return nil }
        return answer(Reply(.badCookie), query, &buffer)
    }

    /// Whether a client has shown a good cookie, so that its address is no other's. Most queries are within all limits, and
    /// nobody asks this of them.
    package func isProven(_ edns: EDNSSummary?, _ cookie: AnswerCookie, of client: UInt128) -> Bool {
        edns?.hasCookie == true && isGood(cookie, of: client, at: cookieSeconds)
    }

    /// The same of a query that nobody has read.
    package func isProven(_ message: Span<UInt8>, of client: UInt128) -> Bool {
        guard cookies.mode != .off else { return false }
        var query = QueryView()
        _ = query.read(message, seed: cache.seed)
        guard let place = query.edns.flatMap({ $0.hasCookie ? $0.cookie(in: message) : nil }), place.count == 24 else {
            return false
        }
        var cookie = AnswerCookie()
        cookie.client = message.loadWord(at: place.lowerBound)
        cookie.shownStamp = message.loadWord(at: place.lowerBound + 8)
        cookie.shownHash = message.loadWord(at: place.lowerBound + 16)
        return isGood(cookie, of: client, at: cookieSeconds)
    }

    private func isGood(_ cookie: AnswerCookie, of client: UInt128, at seconds: UInt64) -> Bool {
        cookies.prepare(at: seconds)
        return cookies.accepts(cookie.client, cookie.shownStamp, cookie.shownHash, of: client, at: seconds)
    }

    private var cookieSeconds: UInt64 { UInt64(clamping: hub.loop.wallTime() / 1_000_000_000) }
}
