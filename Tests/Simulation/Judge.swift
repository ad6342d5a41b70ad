// What must hold of every answer, each as a check with a name. Times are the daemon's boot clock, in seconds.

internal import DNSWire
internal import Green

/// A check that failed: which, and what was seen.
package struct Violation: Error, Sendable, CustomStringConvertible {
    /// The check's name, by which runs are compared when a failure is made smaller.
    package let check: String
    /// What was seen.
    package let detail: String
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
    package private(set) var judged = 0
    let plan: Plan
    var era = 0
    /// What upstreams have told.
    var tellings = Tellings()
    /// How upstreams were.
    var conditions = Conditions()
    /// Names that are denied, and since when; those that are no longer.
    var denied: [String: Double] = [:]
    var allowed: [String: Double] = [:]
    /// What was told of a name before the first moment is not answered to who asks after the second.
    private var flushes: [(name: String?, before: Double, after: Double)] = []
    private var lastFlush = -1_000.0
    /// Failures while an upstream was well, on a network that loses much.
    private var failures = 0
    /// When the wall clock was last set, when Redis was last anything but well, and when the daemon last ended.
    private var lastClockChange = -1_000.0
    var lastRedisTrouble = -1_000.0
    private(set) var lastEnd = -1_000.0
    /// Whether the datagram that was sent last is lost.
    var hasLost = false
    /// What was answered last to a question, and until when it must be known.
    private(set) var known: [String: (question: Asked, told: Double, since: Double, until: Double, isOfName: Bool)] = [:]

    init(_ plan: Plan) { self.plan = plan }

    /// Notes a failure; the first counts.
    func fail(_ check: String, _ detail: String) {
        if violation == nil { violation = Violation(check: check, detail: "\(detail), at \(now())") }
    }

    /// The names hold something else.
    func beginEra() { era += 1 }

    /// An upstream sends a truthful reply, which arrives.
    func noteTold(_ truth: ZoneTruth, of name: String, _ type: RecordType, era: Int) {
        tellings.note(truth, of: name, type, era: era, at: now())
    }

    /// So long a reply may be on its way after it was told.
    var onTheWay: Double {
        let isCut = plan.events.contains { if case .partition = $0.what { true } else { false } }
        return plan.isUpstreamLossy || isCut ? 5.5 : 0.1
    }

    /// So long it may take the daemon to find that an upstream is well again.
    private var patience: Double { plan.isUpstreamLossy ? 14 : 8 }

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
        guard isCrash else { return }
        known = [:]
        flushes.removeAll { $0.after > now() - 11 }
    }

    /// The machine slept for so many seconds until now.
    func noteSleep(_ seconds: Double) { tellings.wake(at: now(), from: now() - seconds, onTheWay: onTheWay + 1) }

    /// A query that a client has asked.
    struct Asked {
        let name: String
        let id: UInt16
        let letters: String
        let at: Double
        let hasEDNS: Bool
        let type: RecordType
        var key: String { Tellings.key(name, type) }
    }

    // MARK: - An answer

    /// Judges an answer; says whether it is cut, and to be asked for over TCP.
    func judge(_ answer: Message, to asked: Asked, by client: String, overStream: Bool) -> Bool {
        judged += 1
        let what =
            "\(client) \(asked.letters) \(asked.type): \(answer.responseCode) \(answer.answers.map(\.description)), asked at \(asked.at)"
        if answer.id != asked.id || !answer.flags.isResponse { fail("the id is the client's own", what) }
        guard let question = answer.questions.first, answer.questions.count == 1, question.type == asked.type,
            question.name.description == asked.letters + "."
        else {
            fail("question and letters are the client's own", what)
            return false
        }
        if answer.answers.contains(where: { $0.data.description == ZoneTruth.address(ZoneTruth.forged) }) {
            fail("no answer is the forger's", what)
        }
        if answer.flags.isTruncated {
            if overStream { fail("over a stream no answer is cut", what) }
            return !overStream
        }
        if judgeRule(answer, asked, what) { return false }
        if answer.responseCode == .servFail {
            if asked.hasEDNS, answer.edns?.extendedError == nil { fail("a failure says why", what) }
            if !conditions.mayFail(asked: asked.at, answered: now(), patience: patience), !isOfNetwork(asked) {
                let why = answer.edns?.extendedError.map { " (\($0.code) \($0.text))" } ?? ""
                fail("no query fails while an upstream is well", what + why)
            }
            return false
        }
        judgeContent(answer, asked, what)
        return false
    }

    /// Whether a failure may be the network's, where that loses much and resets connections: one in ten, and a few.
    private func isOfNetwork(_ asked: Asked) -> Bool {
        guard plan.isUpstreamLossy else { return false }
        failures += 1
        return failures < 5 + judged / 10
    }

    /// Judges what rules have to do with it; says whether that was all.
    private func judgeRule(_ answer: Message, _ asked: Asked, _ what: String) -> Bool {
        let isBlocked = Self.isBlocked(answer, asked)
        if let since = denied[asked.name], asked.at > since + 0.05 {
            if !isBlocked { fail("a denied name is not answered", what) }
            return true
        }
        guard isBlocked else { return false }
        if denied[asked.name] == nil, asked.at > allowed[asked.name, default: -1] + 0.05 {
            fail("only denied names are blocked", what)
        }
        return true
    }

    /// Whether an answer is what a denied name gets: no address but 0.0.0.0 or ::, and an SOA of our own where there is none.
    private static func isBlocked(_ answer: Message, _ asked: Asked) -> Bool {
        guard answer.responseCode == .noError else { return false }
        let data = answer.answers.map(\.data.description)
        switch asked.type {
        case .a: return data == ["0.0.0.0"]
        case .aaaa: return data == ["::"]
        default: return data.isEmpty && answer.authorities.contains { ZoneTruth.text($0.owner) == asked.name }
        }
    }

    private func judgeContent(_ answer: Message, _ asked: Asked, _ what: String) {
        guard tellings.has(answer, to: asked.key) else { return fail("an answer is what an upstream has told", what) }
        let parts = tellings.parts(of: answer, to: asked.name, asked.type)
        let life = parts.map { Double($0.original) }.min() ?? 0
        let ttls = parts.reduce(into: Set<UInt32>()) { $0.formUnion($1.ttls) }
        let code = answer.edns?.extendedError?.code
        var isStale = code == .staleAnswer || code == .staleNXDomainAnswer
        // Who speaks no EDNS cannot be told.
        if !asked.hasEDNS, plan.staleSeconds > 0, ttls == [30], told(parts, asked, freshAt: life) == nil { isStale = true }
        if isStale {
            judgeStale(parts, ttls, life, asked, what)
        } else if let told = told(parts, asked, freshAt: life) {
            judgeAge(told, asked, what)
            judgeNewest(answer, told, asked, what)
            if asked.at > known[asked.key]?.since ?? 0, asked.at > lastFlush + 6 {
                known[asked.key] = (asked, told, asked.at, told + life, answer.responseCode == .nxDomain)
            }
        } else {
            let ages = parts.map { "\($0.ttls.sorted()) of \($0.original) told \($0.told.suffix(3))" }
            fail("a TTL is what is left of the original", what + " \(ages)")
        }
    }

    /// When an answer that is not stale was told, by the TTLs of its records: nil where no telling fits them.
    private func told(
        _ parts: [(ttls: Set<UInt32>, original: UInt32, told: [Double])], _ asked: Asked, freshAt life: Double
    ) -> Double? {
        var oldest = Double.infinity
        // A second for each time that an age was rounded: in memory, in Redis, in a snapshot.
        let isOnce = plan.redis == nil && lastEnd < 0
        let rounding = isOnce ? 1.01 : 2.01
        for part in parts {
            guard part.ttls.count == 1, let ttl = part.ttls.first, ttl <= part.original else { return nil }
            let age = Double(part.original - ttl)
            guard age < life || age == 0 else { return nil }
            let (first, last) = (asked.at - age - rounding - onTheWay, now() - age + rounding)
            var fitting = part.told.filter { $0 >= first && $0 <= last }
            // What another machine kept, or this one before it ended, is counted on the wall clock.
            if !isOnce, fitting.isEmpty { fitting = part.told.filter { lastClockChange >= $0 } }
            guard let latest = fitting.max() else { return nil }
            oldest = min(oldest, latest)
        }
        return oldest
    }

    private func judgeStale(
        _ parts: [(ttls: Set<UInt32>, original: UInt32, told: [Double])], _ ttls: Set<UInt32>, _ life: Double, _ asked: Asked,
        _ what: String
    ) {
        if plan.staleSeconds == 0 { fail("nothing is answered after its time", what) }
        if ttls != [30] { fail("what is stale has a short life", what) }
        let told = parts.compactMap { $0.told.max() }.min() ?? 0
        let oldest = parts.compactMap { $0.told.min() }.max() ?? 0
        let age = asked.at - told
        if now() - oldest < life - 1.01, lastClockChange < oldest { fail("what is not over is not stale", what) }
        if age > life + Double(plan.staleSeconds) + onTheWay + 3, lastClockChange < told {
            fail("nothing stale is older than it may be", what)
        }
        let mayBe = conditions.mayBeStale(asked: asked.at, answered: now(), patience: patience)
        if plan.staleTimeout != "0ms", !mayBe, !plan.isUpstreamLossy {
            fail("with good upstreams nothing is stale", what)
        }
        judgeAge(told, asked, what)
    }

    /// Judges that what was told then has not been flushed.
    private func judgeAge(_ told: Double, _ asked: Asked, _ what: String) {
        guard lastClockChange < told else { return }
        for flush in flushes where flush.name ?? asked.name == asked.name && asked.at > flush.after && told < flush.before {
            fail("a flush is never half", what + ", told at \(told), flushed at \(flush.before)")
        }
    }

    /// Judges that it is the last that was learnt, where nothing kept that from being kept.
    private func judgeNewest(_ answer: Message, _ told: Double, _ asked: Asked, _ what: String) {
        guard let (whole, moment) = tellings.newest[asked.key], asked.at > moment + 6, told < moment - 6,
            Tellings.whole(answer.responseCode, answer.answers) != whole, plan.cacheSize != "64KiB", plan.redis == nil,
            !plan.isUpstreamLossy, lastEnd < told, conditions.wereWell(from: moment - 40, to: moment + 6),
            !flushes.contains(where: { $0.after > moment - 6 })
        else { return }
        fail("what was learnt last is answered", what + ", told at \(told), but another at \(moment)")
    }

    /// What must still be known at a moment, were the daemon to end and to start again: half of its life is left.
    func promised(at moment: Double, afterCrash: Bool) -> [Asked] {
        guard plan.cacheSize != "64KiB" else { return [] }
        return known.values.filter { each in
            let life = each.until - each.told
            guard denied[each.question.name] == nil, allowed[each.question.name] == nil, each.until - moment > life / 2 + 2
            else { return false }
            // That a name is not there ends with what comes of any of its types.
            let hasNews = ZoneTruth.types.contains {
                tellings.newest[Tellings.key(each.question.name, $0)]?.at ?? 0 > each.told + 0.1
            }
            if each.isOfName, hasNews { return false }
            return !afterCrash || (plan.redis != nil && lastRedisTrouble < 0)
        }.map(\.question).sorted { $0.key < $1.key }
    }
}
