internal import DNSWire

/// What must hold of each answer.
extension Judge {
    /// An answer that is judged.
    struct Given {
        let answer: Message
        let asked: Asked
        let client: String

        /// Which it is, in few words.
        var description: String {
            "\(client) \(asked.letters) \(asked.type): \(Chronicle.brief(answer)), asked at \(Chronicle.time(asked.at))"
        }
    }

    func fail(_ check: String, _ given: Given, _ more: @autoclosure () -> String = "") {
        fail(check, of: given.asked.name, given.description + more())
    }

    /// Judges an answer; says whether it is cut, and to be asked for over TCP.
    func judge(_ answer: Message, to asked: Asked, by client: String, overStream: Bool) -> Bool {
        judged += 1
        let given = Given(answer: answer, asked: asked, client: client)
        log.say(of: asked.name, "\(client) is told \(Chronicle.brief(answer))")
        if answer.id != asked.id || !answer.flags.isResponse { fail("the id is the client's own", given) }
        guard let question = answer.questions.first, answer.questions.count == 1, question.type == asked.type,
            question.name.description == asked.letters + "."
        else {
            fail("question and letters are the client's own", given)
            return false
        }
        if answer.answers.contains(where: { $0.data.description == Self.forged }) { fail("no answer is the forger's", given) }
        if judgeCookie(given, overStream: overStream) { return true }
        if answer.flags.isTruncated {
            if overStream { fail("over a stream no answer is cut", given) }
            return !overStream
        }
        if judgeRule(given) { return false }
        if answer.responseCode == .servFail {
            judgeFailure(given)
        } else {
            judgeContent(given)
        }
        return false
    }

    private static let forged = ZoneTruth.address(ZoneTruth.forged)

    /// Judges a failure: there must be a reason.
    private func judgeFailure(_ given: Given) {
        let asked = given.asked
        let code = given.answer.edns?.extendedError?.code
        if asked.hasEDNS, code == nil { fail("a failure says why", given) }
        if code == .notReady {
            if !isStopping { fail("only a daemon that ends says so", given) }
            return
        }
        let steps = zone.steps(asked.name, asked.type, eras: era)
        let isExcused = conditions.mayFail(asked: asked.at, answered: now(), patience: patience, steps: steps)
        if !isExcused, !isOfNetwork() { fail("no query fails while an upstream is well", given) }
    }

    /// Whether a failure may be the network's, where that loses much and resets connections: one in ten, and a few.
    private func isOfNetwork() -> Bool {
        guard plan.isUpstreamLossy else { return false }
        failures += 1
        return failures < 5 + judged / 10
    }

    /// Judges what rules have to do with it; says whether that was all.
    private func judgeRule(_ given: Given) -> Bool {
        let asked = given.asked
        let isBlocked = Self.isBlocked(given.answer, asked)
        if let since = denied[asked.name], asked.at > since + 0.05 {
            if !isBlocked { fail("a denied name is not answered", given) }
            return true
        }
        if isListed(given) {
            if !isBlocked { fail("a name of a list is not answered", given) }
            return true
        }
        guard isBlocked else { return false }
        if denied[asked.name] == nil, asked.at > allowed[asked.name, default: -1] + 0.05, !mayBeListed(given) {
            fail("only denied names are blocked", given)
        }
        return true
    }

    /// Whether an answer is what a denied name gets: no address but 0.0.0.0 or ::, and an SOA of our own where there is none.
    static func isBlocked(_ answer: Message, _ asked: Asked) -> Bool {
        guard answer.responseCode == .noError else { return false }
        let data = answer.answers.map(\.data)
        switch asked.type {
        case .a: return data.count == 1 && data[0].description == "0.0.0.0"
        case .aaaa: return data.count == 1 && data[0].description == "::"
        default: return data.isEmpty && answer.authorities.contains { ZoneTruth.text($0.owner) == asked.name }
        }
    }

    private func judgeContent(_ given: Given) {
        let (answer, asked) = (given.answer, given.asked)
        guard tellings.has(answer, to: asked.key) else { return fail("an answer is what an upstream has told", given) }
        if hasListedAlias(given) { fail("an alias onto a name of a list is not answered", given) }
        let parts = tellings.parts(of: answer, to: asked.name, asked.type)
        let life = parts.map { Double($0.original) }.min() ?? 0
        let ttls = parts.reduce(into: Set<UInt32>()) { $0.formUnion($1.ttls) }
        let code = answer.edns?.extendedError?.code
        var isStale = code == .staleAnswer || code == .staleNXDomainAnswer
        // Who speaks no EDNS cannot be told.
        if !asked.hasEDNS, plan.staleSeconds > 0, ttls == [30], told(parts, asked) == nil { isStale = true }
        if isStale {
            judgeStale(parts, ttls, life, given)
        } else if let told = told(parts, asked) {
            judgeAge(told, given)
            judgeNewest(told, given)
            if asked.at > known[asked.key]?.since ?? 0, asked.at > lastFlush + 6 {
                known[asked.key] = Known(
                    question: asked, told: told, since: asked.at, until: told + life, isOfName: answer.responseCode == .nxDomain)
            }
        } else {
            let ages = parts.map { "\($0.ttls.sorted()) of \($0.original) told \($0.told.suffix(3).map(Chronicle.time))" }
            fail("a TTL is what is left of the original", given, " \(ages)")
        }
    }

    /// When an answer that is not stale was told, by the TTLs of its records: nil where no telling fits them.
    private func told(_ parts: [Tellings.Told], _ asked: Asked) -> Double? {
        var oldest = Double.infinity
        // A second for each time that an age was rounded: in memory, in Redis, in a snapshot.
        let isOnce = plan.redis == nil && lastEnd < 0
        let rounding = isOnce ? 1.01 : 2.01
        // Where it came in several replies, the last has just come: then what is left of the first may be nothing.
        let isNew = parts.contains { $0.ttls.contains($0.original) }
        for part in parts {
            guard part.ttls.count == 1, let ttl = part.ttls.first, ttl <= part.original, ttl > 0 || isNew else { return nil }
            let age = Double(part.original - ttl)
            let (first, last) = (asked.at - age - rounding - onTheWay, now() - age + rounding)
            var fitting = part.told.filter { $0 >= first && $0 <= last }
            // What another machine kept, or this one before it ended, is counted on the wall clock.
            if !isOnce, fitting.isEmpty { fitting = part.told.filter { lastClockChange >= $0 } }
            guard let latest = fitting.max() else { return nil }
            oldest = min(oldest, latest)
        }
        return oldest
    }

    private func judgeStale(_ parts: [Tellings.Told], _ ttls: Set<UInt32>, _ life: Double, _ given: Given) {
        let asked = given.asked
        if plan.staleSeconds == 0 { fail("nothing is answered after its time", given) }
        if ttls != [30] { fail("what is stale has a short life", given) }
        let told = parts.compactMap { $0.told.max() }.min() ?? 0
        let oldest = parts.compactMap { $0.told.min() }.max() ?? 0
        let age = asked.at - told
        if now() - oldest < life - 1.01, lastClockChange < oldest { fail("what is not over is not stale", given) }
        if age > life + Double(plan.staleSeconds) + onTheWay + 3, lastClockChange < told {
            fail("nothing stale is older than it may be", given)
        }
        let mayBe = conditions.mayBeStale(asked: asked.at, answered: now(), patience: patience)
        if plan.staleTimeout != "0ms", !mayBe, !plan.isUpstreamLossy { fail("with good upstreams nothing is stale", given) }
        judgeAge(told, given)
        judgeNewest(told, given)
    }

    /// Judges that what was told then has not been flushed.
    private func judgeAge(_ told: Double, _ given: Given) {
        guard lastClockChange < told else { return }
        let asked = given.asked
        for flush in flushes where flush.name ?? asked.name == asked.name && asked.at > flush.after && told < flush.before {
            fail("a flush is never half", given, ", told at \(Chronicle.time(told)), flushed at \(Chronicle.time(flush.before))")
        }
    }

    /// Judges that it is the last that was learnt, where nothing kept that from being kept.
    private func judgeNewest(_ told: Double, _ given: Given) {
        let (answer, asked) = (given.answer, given.asked)
        guard let (whole, moment) = tellings.newest[asked.key], asked.at > moment + 6, told < moment - 6,
            Tellings.whole(answer.responseCode, answer.answers) != whole, plan.keepsAll, plan.redis == nil,
            !plan.isUpstreamLossy, lastEnd < told, conditions.wereWell(from: moment - 40, to: moment + 6),
            !flushes.contains(where: { $0.after > moment - 6 })
        else { return }
        let moments = ", told at \(Chronicle.time(told)), but another at \(Chronicle.time(moment))"
        fail("what was learnt last is answered", given, moments)
    }
}
