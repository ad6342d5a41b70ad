package import Green
package import Observation
internal import Synchronization

/// What all workers know of upstreams together, and whom to tell of it.
package final class UpstreamWatch: Sendable {
    private let healths = Locked<[UpstreamAddress: UpstreamHealth]>([:])
    private let report: @Sendable (UpstreamNews) -> Void
    private let marks = LoopMarks()
    /// Where those who watch are told of queries, and of messages.
    package let tap = QueryTap()
    /// The names whose answers were forged on the way.
    let forged = ForgedNames(seed: .random(in: 0...UInt64.max))
    /// When forged answers were last told of.
    private let forgeryToldAt = Atomic<UInt64>(0)
    /// When a loop was last told of.
    private let loopToldAt = Atomic<UInt64>(0)
    /// How often a loop was suspected.
    private let suspicions = Atomic<UInt32>(0)
    /// A suspicion is told of the third time; one or two are chance.
    private static let suspicionsTold: UInt32 = 3

    /// A loop, or a forgery, is told of again after so many nanoseconds.
    private static let loopSilence: UInt64 = 600_000_000_000

    /// A watch over no upstream yet. `report` is called seldom, from any worker's thread, and must not wait.
    package init(report: @escaping @Sendable (UpstreamNews) -> Void = { _ in }) {
        self.report = report
    }

    /// How the upstream at an address is: one object for all workers.
    package func health(of address: UpstreamAddress) -> UpstreamHealth {
        healths.withLock { healths in
            if let known = healths[address] { return known }
            let health = UpstreamHealth(of: address, marks: marks, tap: tap, report: report)
            healths[address] = health
            return health
        }
    }

    /// Those that any hub asks at present, as they are written.
    package var inUse: [UpstreamHealth] {
        let all = healths.withLock { Array($0.values) }
        return all.filter { $0.figures.isInUse }.sorted { "\($0.address)" < "\($1.address)" }
    }

    /// Whether a client's query for `name`, lower-cased, written as `written` under `id`, is one that was sent upstream: then
    /// an upstream is this server, or asks it.
    package func isOwn(_ name: [UInt8], written: [UInt8], id: UInt16) -> Bool {
        marks.isOwn(name.span, written: written.span, id: id)
    }

    /// A client at an upstream's address asked what that was being asked, and there was no answer: when that happens again and
    /// again, it may be that the upstream asks this server, and changes the letters by which our queries are known.
    package func suspectLoop(_ question: UpstreamQuestion, at now: Instant) {
        guard suspicions.wrappingAdd(1, ordering: .relaxed).newValue % Self.suspicionsTold == 0 else { return }
        tellLoop(.suspectedLoop(question), at: now)
    }

    /// A query of our own came back: told once, and again after ten minutes.
    package func noteLoop(_ question: UpstreamQuestion, at now: Instant) { tellLoop(.loop(question), at: now) }

    /// A verifying upstream answered something else than what an upstream was believed to have answered.
    func noteForged(_ question: UpstreamQuestion, by upstream: UpstreamAddress, at now: Instant) {
        if Self.isDue(forgeryToldAt, at: now) { report(.forged(question, upstream)) }
    }

    private func tellLoop(_ news: UpstreamNews, at now: Instant) {
        if Self.isDue(loopToldAt, at: now) { report(news) }
    }

    /// Whether something is to be told that was last told of at a moment, which is noted then.
    private static func isDue(_ toldAt: borrowing Atomic<UInt64>, at now: Instant) -> Bool {
        let told = toldAt.load(ordering: .relaxed)
        guard told == 0 || told &+ loopSilence < now.nanoseconds else { return false }
        return toldAt.compareExchange(expected: told, desired: now.nanoseconds, ordering: .relaxed).exchanged
    }

    /// Tells news.
    func tell(_ news: UpstreamNews) { report(news) }
}
