internal import DNSWire
internal import Green

/// Cookies of clients (RFC 7873).
extension Resolver {
    /// Looks at the COOKIE option of a query, or at that there is none, and makes the one of its answer; says what to answer where
    /// that is not what was asked for. Off the path of a hit without one, unless cookies are asked for.
    @inline(never)
    func checkCookie(
        _ query: inout QueryView, _ buffer: inout MutableSpan<UInt8>, from client: UInt128, streams: Bool
    ) -> Step? {
        let cookies = policy.cookies
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
        let seconds = UInt64(clamping: hub.loop.wallTime() / 1_000_000_000)
        let own = buffer.span.loadWord(at: place.lowerBound)
        var isGood = false
        if mustHave || verifiesCookies, place.count == 24 {
            let (stamp, hash) = (
                buffer.span.loadWord(at: place.lowerBound + 8), buffer.span.loadWord(at: place.lowerBound + 16)
            )
            isGood = cookies.accepts(own, stamp, hash, of: client, at: seconds)
        }
        let (stamp, hash) = cookies.make(own, for: client, at: seconds)
        query.cookie.client = own
        query.cookie.stamp = stamp
        query.cookie.hash = hash
        query.cookie.isGiven = true
        query.cookie.isProven = isGood
        return mustHave && !isGood ? answer(Reply(.badCookie), query, &buffer) : nil
    }
}
