package import Green
package import Observation
internal import Synchronization

/// Whether one upstream answers, as all workers know it.
///
///     well      asked in its turn
///     failing   asked after all others; one probe at a time for the whole daemon, after 1 s and then every 2 s
///     down      failing, and silent to two probes: where all are down, questions end after a fifth of a second
///
/// It is well again as soon as it answers anything, or, where it had answered SERVFAIL to everything, as soon as it
/// answers something else. All clocks are the machine's monotonic one.
package final class UpstreamHealth: Sendable {
    /// Where it is.
    package let address: UpstreamAddress
    /// What all hubs count of it.
    package let figures = WorkerCopies { UpstreamFigures() }
    private let report: @Sendable (UpstreamNews) -> Void
    /// The marks of what is sent, by which it is known where it comes back.
    let marks: LoopMarks?
    /// Where those who watch are told of messages.
    let tap: QueryTap?
    private let failing = Atomic<Bool>(false)
    private let heardAt = Atomic<UInt64>(0)
    private let state = Locked(State())

    fileprivate struct State: Sendable {
        var trouble = UpstreamTrouble.silent
        var since = Instant(nanoseconds: 0)
        var probesFailed = 0
        var probeAt = Instant(nanoseconds: 0)
        /// What of this outage was told.
        var told: [UpstreamTrouble] = []
        /// The last questions that failed, of two names where there are two.
        var questions: [UpstreamQuestion] = []
        var nextQuestion = 0
    }

    /// After so long a failing upstream is probed first, and then after twice as long each time.
    static let firstProbe: UInt64 = 1_000_000_000
    static let probeInterval: UInt64 = 2_000_000_000
    /// So many probes must have failed before questions fail unasked.
    static let probesBelieved = 2
    /// A probe that is overdue for so long is nobody's any more.
    static let abandonedAfter: UInt64 = 5_000_000_000
    /// So much is told of one outage: what is wrong with its certificate may be another thing each time.
    static let mostTold = 4
    /// `heard` is written no more often than this, for all workers share the word.
    static let heardResolution: UInt64 = 100_000_000

    init(
        of address: UpstreamAddress, marks: LoopMarks? = nil, tap: QueryTap? = nil,
        report: @escaping @Sendable (UpstreamNews) -> Void
    ) {
        self.address = address
        self.tap = tap
        self.marks = marks
        self.report = report
    }

    /// Whether it failed and has not answered since.
    package var isFailing: Bool { failing.load(ordering: .relaxed) }

    /// When something last came from it, on any worker: to the tenth of a second.
    package var lastHeard: Instant { Instant(nanoseconds: heardAt.load(ordering: .relaxed)) }

    /// Whether it is not worth waiting for.
    package var isDown: Bool {
        isFailing && state.withLock { !$0.trouble.isOfReplies && $0.probesFailed >= Self.probesBelieved }
    }

    /// Something came from it.
    func heard(at now: Instant) {
        if heardAt.load(ordering: .relaxed) &+ Self.heardResolution < now.nanoseconds {
            heardAt.store(now.nanoseconds, ordering: .relaxed)
        }
    }

    /// It did not answer a question; true when the caller is to probe it from now on.
    func failed(_ trouble: UpstreamTrouble, _ question: UpstreamQuestion, at now: Instant) -> Bool {
        state.withLock { state in
            state.note(question)
            if isFailing {
                state.learn(trouble)
                guard state.probeAt.advanced(byNanoseconds: Self.abandonedAfter) < now else { return false }
            } else {
                let kept = state.questions
                state = State()
                state.questions = kept
                state.trouble = trouble
                state.since = now
                failing.store(true, ordering: .relaxed)
            }
            state.probeAt = now.advanced(byNanoseconds: Self.firstProbe)
            return true
        }
    }

    /// It answered, with a failure or with an answer; true when it had been failing and is well now.
    func answered(isFailure: Bool, at now: Instant) -> Bool {
        guard isFailing else { return false }
        var news: UpstreamNews?
        let isBack = state.withLock { state in
            guard isFailing, !(isFailure && state.trouble.isOfReplies) else { return false }
            failing.store(false, ordering: .relaxed)
            state.questions = []
            if !state.told.isEmpty { news = .back(address, after: state.since.duration(to: now)) }
            return true
        }
        if let news { report(news) }
        return isBack
    }

    /// What was last wrong with it, and since when; nil where nothing was.
    package var lastTrouble: (trouble: UpstreamTrouble, since: Instant)? {
        state.withLock { $0.since.nanoseconds > 0 ? ($0.trouble, $0.since) : nil }
    }

    /// When the next probe is due.
    var probeAt: Instant { state.withLock { $0.probeAt } }

    /// Whether the caller may find out whether it is back: one at a time may.
    func claimProbe(at now: Instant) -> Bool {
        state.withLock { state in
            guard isFailing, state.probeAt <= now else { return false }
            state.probeAt = now.advanced(byNanoseconds: Self.probeInterval)
            return true
        }
    }

    /// What a probe asks: a question that failed and, every other time, one that every server knows the answer to.
    func probeQuestion() -> UpstreamQuestion {
        state.withLock { state in
            state.nextQuestion += 1
            guard !state.questions.isEmpty, state.nextQuestion % 2 == 1 else { return .root }
            return state.questions[state.nextQuestion / 2 % state.questions.count]
        }
    }

    /// A probe found it as it was.
    func probeFailed() {
        let news: UpstreamNews? = state.withLock { state in
            guard isFailing else { return nil }
            state.probesFailed = min(state.probesFailed + 1, Self.probesBelieved)
            guard state.isWorthTelling else { return nil }
            state.told.append(state.trouble)
            return .stopped(address, state.trouble)
        }
        if let news { report(news) }
    }
}

extension UpstreamHealth.State {
    /// What is wrong with a certificate goes before what was wrong else, and that nothing comes before what came.
    fileprivate mutating func learn(_ new: UpstreamTrouble) {
        if case .insecure = new {
            trouble = new
        } else if trouble.isOfReplies, !new.isOfReplies {
            (trouble, probesFailed) = (new, 0)
        }
    }

    /// Whether the present trouble is the first that is told, or something else that is wrong with a certificate.
    fileprivate var isWorthTelling: Bool {
        if told.isEmpty { return true }
        guard case .insecure = trouble else { return false }
        return !told.contains(trouble) && told.count < UpstreamHealth.mostTold
    }

    /// Keeps a question that failed.
    fileprivate mutating func note(_ question: UpstreamQuestion) {
        questions.removeAll { $0.hasName(of: question) }
        questions.append(question)
        if questions.count > 2 { questions.removeFirst() }
    }
}
