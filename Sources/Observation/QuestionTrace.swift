package import Green
internal import Synchronization

/// What is known of one question while it is asked: whom it waits for, and where somebody watches, each step.
package final class QuestionTrace: Sendable {
    /// One step of a question's way.
    package struct Step: Sendable {
        /// When, in nanoseconds since the watching began.
        package let at: UInt64
        /// How deep it stands in the tree.
        package let depth: Int
        /// What it is about: a word.
        package let subject: String
        /// What came of it.
        package let text: String
    }

    /// Whom a question waits for.
    package enum Standing: Sendable, Hashable {
        /// Nobody yet.
        case begun
        /// Redis.
        case redis
        /// The upstream with this number.
        case upstream(UInt16)
    }

    private let standing = Atomic<UInt32>(0)
    private let steps: Locked<[Step]>?
    private let begunAt: Instant

    /// So many steps are kept.
    package static let mostSteps = 256

    /// The trace of a question that begins at a moment. Steps are kept where somebody watches.
    package init(isWatched: Bool = false, at moment: Instant) {
        steps = isWatched ? Locked([]) : nil
        begunAt = moment
    }

    /// Whether somebody watches.
    package var isWatched: Bool { steps != nil }

    /// Whom it waits for.
    package var waitsFor: Standing {
        get {
            switch standing.load(ordering: .relaxed) {
            case 0: .begun
            case 1: .redis
            case let number: .upstream(UInt16(truncatingIfNeeded: number - 2))
            }
        }
        set {
            let word: UInt32 =
                switch newValue {
                case .begun: 0
                case .redis: 1
                case .upstream(let number): UInt32(number) + 2
                }
            standing.store(word, ordering: .relaxed)
        }
    }

    /// Notes a step, where somebody watches; `text` is not made else.
    package func note(_ subject: String, depth: Int = 0, at moment: Instant, _ text: @autoclosure () -> String) {
        guard let steps else { return }
        let step = Step(at: begunAt.nanoseconds(to: moment), depth: depth, subject: subject, text: text())
        steps.withLock { if $0.count < Self.mostSteps { $0.append(step) } }
    }

    /// The steps so far.
    package var all: [Step] { steps?.withLock { $0 } ?? [] }
}
