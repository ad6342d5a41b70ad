internal import DNSWire
internal import TestSupport

/// The cookies of one client: its own, and the last that the daemon gave it.
final class CookieJar {
    /// What a query shows.
    enum Shown {
        /// No cookie.
        case nothing
        /// The client's own alone.
        case own
        /// With what the daemon gave at a moment.
        case whole(at: Double)
        /// With what the daemon never gave.
        case wrong
    }

    /// The client's own.
    let own: [UInt8]
    private var given: (bytes: [UInt8], at: Double)?
    private var random: SeededNumbers

    /// A client that has asked nothing yet.
    init(_ number: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed ^ UInt64(number) << 24 ^ 0xC00C1E)
        own = (0..<8).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        random = numbers
    }

    /// What the next query shows, and its options.
    func next() -> (shown: Shown, options: [EDNSOption]) {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return (.nothing, [])
        case 1: return (.own, [EDNSOption(.cookie, own)])
        case 2: return (.wrong, [EDNSOption(.cookie, own + (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })])
        default:
            guard let given else { return (.own, [EDNSOption(.cookie, own)]) }
            return (.whole(at: given.at), [EDNSOption(.cookie, own + given.bytes)])
        }
    }

    /// Keeps what the daemon gave at a moment.
    func keep(_ bytes: [UInt8], at moment: Double) { given = (bytes, moment) }
}

extension Judge {
    /// Judges the cookie of an answer; says whether nothing else is to be looked at, and it is to be asked for over TCP.
    func judgeCookie(_ given: Given, overStream: Bool) -> Bool {
        guard let cookies = plan.cookies else { return false }
        let (answer, asked) = (given.answer, given.asked)
        let option = answer.edns?.options.first { $0.code == .cookie }
        let mustShow = cookies.mode == .require && !overStream
        let isSentAway = answer.responseCode == .badCookie
        var mayBeBad = true
        switch asked.shown {
        case .nothing:
            if option != nil { fail("who shows no cookie is given none", given) }
            let isSentToTCP = answer.flags.isTruncated && answer.answers.isEmpty
            if mustShow, !isSentToTCP { fail("who shows no cookie is sent to TCP", given) }
            if isSentAway { fail("who shows no cookie is not told that it is bad", given) }
            return false
        case .own, .wrong:
            if mustShow, !isSentAway { fail("who shows no good cookie is given nothing else", given) }
        case .whole(let moment):
            // An hour, by the clock of the day; a key of the process ends with it.
            mayBeBad = asked.at - moment > 3_590 || lastClockChange >= moment || (!cookies.hasSecret && lastEnd >= moment)
        }
        guard let option, option.data.count == 24, Array(option.data.prefix(8)) == asked.jar?.own else {
            fail("a cookie is answered with one", given)
            return false
        }
        // It was made when the query came.
        asked.jar?.keep(Array(option.data.dropFirst(8)), at: asked.at)
        guard isSentAway else { return false }
        if !mustShow || !mayBeBad { fail("a good cookie is good", given) }
        return true
    }
}
