/// What lists say, as far as the daemon may know it: at each moment one version, or one of several where it cannot be seen
/// from outside which.
final class ListTruth {
    /// From when on it was one of these.
    private struct Period {
        let at: Double
        var numbers: Set<Int>
    }

    /// How versions of one thing followed each other.
    private struct History {
        var periods: [Period]
        /// So long it may take until the daemon goes by what has changed.
        let delay: Double

        /// What may be in force for a question that was asked and answered then.
        func possible(_ asked: Double, _ answered: Double) -> Set<Int> {
            var found: Set<Int> = []
            for (index, period) in periods.enumerated() where period.at <= answered {
                let until = index + 1 < periods.count ? periods[index + 1].at : .infinity
                if until >= asked - delay { found.formUnion(period.numbers) }
            }
            return found
        }

        /// It is one of these from a moment on.
        mutating func add(_ numbers: Set<Int>, at moment: Double) {
            if periods.last?.numbers != numbers { periods.append(Period(at: moment, numbers: numbers)) }
        }

        /// From a moment on it is what it was last, or what it was before where that has just changed.
        mutating func doubt(_ moment: Double) {
            add(possible(moment, moment), at: moment)
        }

        var last: Set<Int> { periods.last?.numbers ?? [] }

        /// Until a moment nothing that has just changed need have been taken.
        mutating func hold(_ moment: Double, since before: Double) {
            guard periods.count > 1, let last = periods.last, last.at >= before - delay else { return }
            let former = periods[periods.count - 2].numbers
            periods[periods.count - 1].numbers.formUnion(former)
            periods.append(Period(at: moment, numbers: last.numbers))
        }
    }

    let plan: ListPlan
    /// A file is looked at each second, and what has changed is read and told to the workers.
    private var file = History(periods: [], delay: 1.6)
    /// The same for what was downloaded, which has a way to go, and is checked and kept.
    private var web = History(periods: [], delay: 4)
    private var rounds = History(periods: [], delay: 0.05)

    /// Lists that nobody has, but the file in its first version.
    init(_ plan: ListPlan) {
        self.plan = plan
        file.add([0], at: 0)
        web.add([-1], at: 0)
        rounds.add([0], at: 0)
    }

    /// The file has another version, or none where the daemon starts without it.
    func noteFile(_ version: Int, at moment: Double) { file.add([version], at: moment) }

    /// The file is removed: what was read of it stays, which need not be what it had last.
    func noteRemoval(at moment: Double) { file.doubt(moment) }

    /// The server has sent a version to the last byte, or was told that the daemon has it.
    func noteWeb(_ version: Int, at moment: Double) { web.add([version], at: moment) }

    /// The daemon ends: what has just come may have been kept or not.
    func noteEnd(at moment: Double) { web.doubt(moment) }

    /// A reload is begun, or over.
    func noteRound(_ round: Int, isOver: Bool, at moment: Double) {
        rounds.add(isOver ? [round] : rounds.last.union([round]), at: moment)
    }

    /// The machine slept for so many seconds until a moment: the daemon's looks did too.
    func noteSleep(_ seconds: Double, at moment: Double) {
        file.hold(moment, since: moment - seconds)
        web.hold(moment, since: moment - seconds)
    }

    /// Whether a name is denied to a client who asked and was answered then.
    func denies(_ name: String, to client: Int, asked: Double, answered: Double) -> (surely: Bool, perhaps: Bool) {
        var (surely, perhaps) = (true, false)
        for round in rounds.possible(asked, answered) {
            var (must, may) = (false, false)
            for source in plan.sources(ofClient: client, round: round) {
                let versions = (source == .file ? file : web).possible(asked, answered)
                let verdicts = versions.map { plan.has(name, source, version: $0) }
                must = must || verdicts.allSatisfy(\.self)
                may = may || verdicts.contains(true)
            }
            surely = surely && must
            perhaps = perhaps || may
        }
        return (surely, perhaps)
    }
}
