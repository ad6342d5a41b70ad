internal import Synchronization

/// A question while it is asked, as others look at it: whom it waits for, which is a word of whatever asks it, and its trace where
/// somebody watches.
open class QuestionStanding: @unchecked Sendable {
    // SAFETY: an atomic, and a constant.
    private let word = Atomic<UInt32>(0)
    /// Who watches is told there; nil where nobody does.
    package let trace: QuestionTrace?

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
