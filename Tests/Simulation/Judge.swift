// What must hold of every answer, each as a check with a name. Times are the daemon's boot clock, in seconds.

internal import DNSWire
internal import Green

/// A check that failed: which, and what was seen.
package struct Violation: Error, Sendable, CustomStringConvertible {
    /// The check's name, by which runs are compared when a failure is made smaller.
    package let check: String
    /// What was seen.
    package let detail: String
    /// The name that it is about, where it is about one.
    let name: String?
    /// In words.
    package var description: String { "\(check): \(detail)" }
}

/// Knows what upstreams have said and when, and judges answers by it.
package final class Judge {
    /// The clock that lives are counted on.
    var now: () -> Double = { 0 }
    /// The first check that failed.
    package private(set) var violation: Violation?
    /// Answers that were judged.
    package internal(set) var judged = 0
    let plan: Plan
    /// What is told of the run.
    let log: Chronicle
    /// What names hold.
    let zone = Zone()
    var era = 0
    /// What upstreams have told.
    var tellings = Tellings()
    /// How upstreams were.
    var conditions = Conditions()
    /// Names that are denied, and since when; those that are no longer.
    var denied: [String: Double] = [:]
    var allowed: [String: Double] = [:]
    /// What lists say, in worlds that have some.
    var lists: ListTruth?
    /// What was told of a name before the first moment is not answered to who asks after the second.
    var flushes: [(name: String?, before: Double, after: Double)] = []
    private(set) var lastFlush = -1_000.0
    /// Failures while an upstream was well, on a network that loses much.
    var failures = 0
    /// When the wall clock was last set, when Redis was last anything but well, and when the daemon last ended and last crashed.
    private(set) var lastClockChange = -1_000.0
    private var lastCrash = -1_000.0
    var lastRedisTrouble = -1_000.0
    private(set) var lastEnd = -1_000.0
    /// When the last crash began.
    var lastKill = -1_000.0
    /// Whether the daemon was told to end, and has not begun anew.
    var isStopping = false
    /// Whether the datagram that was sent last is lost.
    var hasLost = false
    /// What was answered last to a question, and until when it must be known.
    var known: [String: Known] = [:]

    /// What was answered to a question.
    struct Known {
        let question: Asked
        let told: Double
        let since: Double
        let until: Double
        let isOfName: Bool
    }

    init(_ plan: Plan, _ log: Chronicle) {
        (self.plan, self.log) = (plan, log)
        lists = plan.lists.map(ListTruth.init)
    }

    /// Notes a failure; the first counts.
    func fail(_ check: String, of name: String? = nil, _ detail: @autoclosure () -> String) {
        guard violation == nil else { return }
        violation = Violation(check: check, detail: "\(detail()), at \(Chronicle.time(now()))", name: name)
    }

    /// The names hold something else.
    func beginEra() { era += 1 }

    /// An upstream sends a truthful reply, which arrives.
    func noteTold(_ truth: ZoneTruth, of name: String, _ type: RecordType, era: Int) {
        tellings.note(truth, zone.whole(name, type, era: era), of: name, type, at: now())
    }

    /// So long a reply may be on its way after it was told.
    var onTheWay: Double {
        let isCut = plan.events.contains { if case .partition = $0.what { true } else { false } }
        return plan.isUpstreamLossy || isCut ? 5.5 : 0.1
    }

    /// So long it may take the daemon to find that an upstream is well again.
    var patience: Double { plan.isUpstreamLossy ? 14 : 8 }

    // MARK: - What happens

    /// A flush of a name, or of all, that was begun at a moment, is over. Where Redis could not be flushed what it has comes back.
    func noteFlush(_ name: String?, begun: Double, includesRedis: Bool) {
        if name == nil { known = [:] } else { known = known.filter { $0.value.question.name != name } }
        lastFlush = now()
        guard includesRedis else { return }
        flushes.append((name, begun - onTheWay, now() + 0.1))
    }

    /// The wall clock is another.
    func noteClockChange() {
        lastClockChange = now()
        known = [:]
    }

    /// The daemon ends; in a crash all is lost that is not in Redis, and what a flush has not yet taken from the snapshot comes back.
    func noteEnd(isCrash: Bool) {
        lastEnd = now()
        lists?.noteEnd(at: now())
        guard isCrash else { return }
        lastCrash = now()
        flushes.removeAll { $0.after > now() - 11 }
    }

    /// The daemon has flushed all that it had, for it may have missed a flush: it must have had a reason to think so.
    func noteMissedFlush() {
        known = [:]
        if lastRedisTrouble < 0, lastFlush < lastCrash - 12 || lastFlush > lastCrash {
            fail("nothing is flushed that nobody wanted to be", "last flush at \(lastFlush), last crash at \(lastCrash)")
        }
    }

    /// The machine slept for so many seconds until now.
    func noteSleep(_ seconds: Double) {
        tellings.wake(at: now(), from: now() - seconds, onTheWay: onTheWay + 1)
        lists?.noteSleep(seconds, at: now())
    }

    /// A query that a client has asked.
    struct Asked {
        let name: String
        let id: UInt16
        let letters: String
        let at: Double
        let hasEDNS: Bool
        let type: RecordType
        /// The client's number, by which it is in a group.
        let client: Int
        /// What it shows of its client's cookies.
        var shown = CookieJar.Shown.nothing
        var jar: CookieJar?
        var key: String { Tellings.key(name, type) }
    }

    // MARK: - What was promised

    /// Forgets of what is known what need not be known at a moment, were the daemon to end and to start again: half of its life is
    /// left of the rest, which is given.
    func keepPromised(at moment: Double, afterCrash: Bool) -> [Asked] {
        known = known.filter { isPromised($0.value, at: moment, afterCrash: afterCrash) }
        return known.values.map(\.question).sorted { $0.key < $1.key }
    }

    /// Whether the answer to a question must be known.
    func mustKnow(_ question: Asked) -> Bool { known[question.key] != nil }

    private func isPromised(_ each: Known, at moment: Double, afterCrash: Bool) -> Bool {
        let name = each.question.name
        guard plan.keepsAll, denied[name] == nil, allowed[name] == nil, each.until - moment > (each.until - each.told) / 2 + 2
        else { return false }
        // That a name is not there ends with what comes of any of its types.
        let hasNews = ZoneTruth.types.contains { tellings.newest[Tellings.key(name, $0)]?.at ?? 0 > each.told + 0.1 }
        if each.isOfName, hasNews { return false }
        guard afterCrash else { return true }
        // Redis has what was told of this very question, by the clock of then.
        let ownTelling = tellings.newest[each.question.key]?.at ?? 0
        return plan.redis != nil && lastRedisTrouble < 0 && each.told > lastClockChange && ownTelling > each.told - 0.1
    }
}
