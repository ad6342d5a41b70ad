/// How upstreams are and were: what excuses a query that fails, or a stale answer.
struct Conditions {
    /// One upstream at a moment.
    struct Standing: Hashable {
        var behaviour: Behaviour
        var isCut = false

        /// Whether a question to it is answered truthfully.
        var isGood: Bool { behaviour.isGood && !isCut }
        /// Whether it answers, though not everything: then it is not taken for dead, and single names are to blame.
        var answersSome: Bool { !isCut && (behaviour == .halfDead || behaviour == .broken) }
    }

    /// From when on they were so.
    private var history: [(at: Double, standings: [Standing])] = []

    /// They are so from a moment on.
    mutating func note(_ standings: [Standing], at moment: Double) {
        if history.last?.standings == standings { return }
        history.append((moment, standings))
    }

    /// Whether `holds` of the upstreams at any moment between two.
    func any(from begin: Double, to end: Double, _ holds: ([Standing]) -> Bool) -> Bool {
        for (index, each) in history.enumerated() where each.at <= end {
            let until = index + 1 < history.count ? history[index + 1].at : .infinity
            if until >= begin, holds(each.standings) { return true }
        }
        return false
    }

    /// Whether a question that was asked and answered then may have failed: where no upstream was good and reachable, or until the
    /// daemon has found that one is again (a probe every two seconds), or for as long as failures are remembered of names whose
    /// upstream answered others (RFC 9520: twice as long each time, five minutes at most). `steps` is how many questions an upstream
    /// is asked for it, one after the other.
    func mayFail(asked: Double, answered: Double, patience: Double, steps: Int = 1) -> Bool {
        if any(from: asked - patience, to: answered, { !$0.contains(where: \.isGood) }) { return true }
        var began: Double?
        for (index, each) in history.enumerated() where each.at <= answered {
            guard !each.standings.contains(where: \.isGood), each.standings.contains(where: \.answersSome) else {
                began = nil
                continue
            }
            began = began ?? each.at
            let until = index + 1 < history.count ? history[index + 1].at : .infinity
            if until + min(320, patience + 2 * (until - began!)) >= asked { return true }
        }
        // Who is asked after two that are silent, or twice after one, has half a second left of the question's time.
        return any(from: asked - 10, to: answered) { $0.count { !$0.isGood } * steps > 1 }
    }

    /// Whether a stale answer may have been given: the first upstream was silent for longer than a client waits, or asking has failed
    /// within half a minute (RFC 8767).
    func mayBeStale(asked: Double, answered: Double, patience: Double) -> Bool {
        any(from: asked - 30 - patience, to: answered) { !$0.allSatisfy(\.isGood) }
            || mayFail(asked: asked, answered: answered, patience: patience)
    }

    /// Whether all were good and reachable for all of that time.
    func wereWell(from begin: Double, to end: Double) -> Bool {
        !any(from: begin, to: end) { !$0.allSatisfy(\.isGood) }
    }
}
