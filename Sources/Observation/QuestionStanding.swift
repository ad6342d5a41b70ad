package import Green
internal import Synchronization

/// A question while it is asked, as others look at it: whom it waits for, which is a word of whatever asks it, and its trace where
/// somebody watches.
open class QuestionStanding: @unchecked Sendable {
    // SAFETY: an atomic; the rest is touched on the thread that asks alone.
    private let word = Atomic<UInt32>(0)
    /// Who watches is told there; nil where nobody does, so far.
    package final private(set) var trace: QuestionTrace?
    /// Who wants to know of it once it has become slow.
    private final var slowWatch: SlowWatch?
    /// Whether it is watched only since it has become slow, or would be if there were not so many.
    package final private(set) var slowness = Slowness.none

    /// What came of watching for slowness.
    package enum Slowness: Sendable {
        /// It was not slow so far, or is watched anyway.
        case none
        /// It is watched since it is late.
        case watched
        /// It would be, if there were not so many.
        case refused
    }

    /// From when on a question is watched, and by whom.
    private struct SlowWatch {
        let tap: TraceTap
        let begunAt: Instant
        let lateAt: Instant
    }

    /// Whom a question waits for.
    package enum Waiting: Sendable, Hashable {
        /// Nobody yet.
        case nobody
        /// Redis.
        case redis
        /// The upstream with this number.
        case upstream(UInt16)
    }

    /// A question that begins, with the trace of who watches.
    package init(trace: QuestionTrace? = nil) { self.trace = trace }

    /// Has it be watched from a moment on, unless it is watched already.
    package final func watchSlow(_ tap: TraceTap, since begun: Instant, from late: Instant) {
        if trace == nil { slowWatch = SlowWatch(tap: tap, begunAt: begun, lateAt: late) }
    }

    /// Its trace, which begins now where the question has become late.
    @inline(__always)
    package final func trace(at now: @autoclosure () -> Instant) -> QuestionTrace? {
        guard trace == nil, slowWatch != nil else { return trace }
        return lateTrace(at: now())
    }

    private final func lateTrace(at now: Instant) -> QuestionTrace? {
        guard let watch = slowWatch, watch.lateAt <= now else { return nil }
        slowWatch = nil
        guard watch.tap.takes(at: now, isSlow: true) else {
            watch.tap.noteLost()
            slowness = .refused
            return nil
        }
        slowness = .watched
        let trace = QuestionTrace(at: watch.begunAt)
        trace.note("late", at: now, "watched from here on; before, it was asked as usual")
        self.trace = trace
        return trace
    }

    /// Whom it waits for, or waited for last.
    package final var waitsFor: Waiting {
        get {
            switch word.load(ordering: .relaxed) {
            case 0: .nobody
            case 1: .redis
            case let number: .upstream(UInt16(truncatingIfNeeded: number - 2))
            }
        }
        set {
            let number: UInt32 =
                switch newValue {
                case .nobody: 0
                case .redis: 1
                case .upstream(let number): UInt32(number) + 2
                }
            word.store(number, ordering: .relaxed)
        }
    }
}
