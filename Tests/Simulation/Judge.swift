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
    /// When each name was last told truthfully, for each era.
    private var told: [String: [Int: Double]] = [:]
    /// When something was last amiss that may make a query fail or an answer stale.
    private var trouble = -1_000.0
    /// Whether something is amiss at present.
    var isTroubled: () -> Bool = { false }
    /// Names that are denied, and since when; those that are no longer.
    var denied: [String: Double] = [:]
    var allowed: [String: Double] = [:]
    /// What was flushed last, and when the last era before it had ended.
    private var flushed: [String: Double] = [:]
    private var eraBegan = 0.0

    init(_ plan: Plan) { self.plan = plan }

    /// Notes a failure; the first counts.
    func fail(_ check: String, _ detail: String) {
        if violation == nil { violation = Violation(check: check, detail: detail) }
    }

    /// Something may be amiss from now on.
    func noteTrouble() { trouble = now() }

    /// The names hold something else.
    func beginEra() {
        era += 1
        eraBegan = now()
    }

    /// An upstream sends a truthful reply.
    func noteTold(_ name: String, era: Int) { told[name, default: [:]][era] = now() }

    /// All that was told before `moment` is forgotten, of one name or of all.
    func noteFlush(_ name: String?, before moment: Double) {
        for key in told.keys where name == nil || key == name { flushed[key] = moment }
    }

    /// A query that a client has asked.
    struct Asked {
        let name: String
        let id: UInt16
        let letters: String
        let at: Double
        let hasEDNS: Bool
        let type: RecordType
    }

    /// Judges an answer.
    func judge(_ answer: Message, to asked: Asked, by client: String) {
        judged += 1
        let what = "\(client) \(asked.letters) \(asked.type): \(answer.responseCode) \(answer.answers.map(\.description))"
        if answer.id != asked.id || !answer.flags.isResponse { fail("the id is the client's own", what) }
        guard let question = answer.questions.first, answer.questions.count == 1, question.type == asked.type,
            question.name.description == asked.letters + "."
        else { return fail("question and letters are the client's own", what) }
        if answer.answers.contains(where: { $0.data.description == ZoneTruth.text(ZoneTruth.forged) }) {
            fail("no answer is the forger's", what)
        }
        if isTroubled() { noteTrouble() }
        let isKnownTrouble = now() - trouble < 400
        if answer.responseCode == .servFail {
            if !isKnownTrouble { fail("no query fails while an upstream is well", what) }
            if asked.hasEDNS, answer.edns?.extendedError == nil { fail("a failure says why", what) }
            return
        }
        if judgeRule(answer, asked, what) { return }
        guard asked.type == .a else { return }
        judgeContent(answer, asked, what, isKnownTrouble)
    }

    /// So many seconds a reply may be on its way after it was told, where the network is bad, and a second for rounding.
    private var slack: Double {
        let isCut = plan.events.contains { if case .partition = $0.what { true } else { false } }
        return plan.isUpstreamLossy || isCut ? 7 : 1.5
    }

    /// Judges what rules have to do with it; says whether that was all.
    private func judgeRule(_ answer: Message, _ asked: Asked, _ what: String) -> Bool {
        let isBlocked = answer.answers.contains { $0.data.description == "0.0.0.0" }
        let isTruth = !isBlocked && !answer.answers.isEmpty
        if let since = denied[asked.name], asked.at > since + 0.5, isTruth { fail("a denied name is not answered", what) }
        if let since = allowed[asked.name], denied[asked.name] == nil, asked.at > since + 0.5, isBlocked {
            fail("a name that is denied no longer is answered", what)
        }
        if isBlocked, denied[asked.name] == nil, allowed[asked.name] == nil { fail("only denied names are blocked", what) }
        return isBlocked || denied[asked.name] != nil || (allowed[asked.name].map { asked.at <= $0 + 0.5 } ?? false)
    }

    private func judgeContent(_ answer: Message, _ asked: Asked, _ what: String, _ isKnownTrouble: Bool) {
        if answer.flags.isTruncated { return }
        let ttl = ZoneTruth.ttl(asked.name)
        guard
            let (_, at) = told[asked.name]?.filter({ ZoneTruth.of(asked.name, era: $0.key).fits(answer) })
                .max(by: { $0.value < $1.value })
        else { return fail("an answer is what an upstream has told", what) }
        let records = answer.answers + answer.authorities
        let remaining = Double(records.map(\.ttl).min() ?? 0)
        let age = max(0, asked.at - at)
        let isStale = age > Double(ttl) + slack
        // What is stale lives for 30 s, and may have been told anew since it was sent.
        if remaining > Double(plan.staleSeconds > 0 ? max(ttl, 30) : ttl) {
            fail("no TTL is above the original", what + " of \(ttl)")
        }
        if let moment = flushed[asked.name], at < moment, asked.at > moment { fail("a flush is never half", what) }
        if isStale {
            if plan.staleSeconds == 0 { fail("nothing is answered after its time", what + " age \(age) of \(ttl)") }
            if age > Double(ttl) + Double(plan.staleSeconds) + 60 { fail("nothing stale is older than it may be", what) }
            if plan.staleTimeout != "0ms", !isKnownTrouble { fail("with a good upstream nothing is stale", what) }
            if remaining > 30 { fail("what is stale has a short life", what) }
        } else if remaining > Double(ttl) - age + slack, remaining > 30 || plan.staleSeconds == 0 {
            fail("a TTL counts down", what + " age \(age) of \(ttl)")
        }
    }
}
