package import Green
internal import Synchronization

/// What a question went through, for who watches it.
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

    private let steps = Locked<[Step]>([])
    /// Where it counts if it goes away before it was handed over.
    private let owed: Locked<TraceTap?>
    /// When the watching began.
    package let begunAt: Instant

    /// So many steps are kept.
    package static let mostSteps = 256

    /// The trace of a question that begins at a moment; `tap` is who counts it as lost where it is never handed over.
    package init(at moment: Instant, owedTo tap: TraceTap? = nil) {
        begunAt = moment
        owed = Locked(tap)
    }

    /// It is handed over: it does not count as lost any more.
    package func settle() { owed.withLock { $0 = nil } }

    deinit { owed.withLock { $0 }?.noteLost() }

    /// Notes a step.
    package func note(_ subject: String, depth: Int = 0, at moment: Instant, _ text: String) {
        let step = Step(at: begunAt.nanoseconds(to: moment), depth: depth, subject: subject, text: text)
        steps.withLock { if $0.count < Self.mostSteps { $0.append(step) } }
    }

    /// The steps so far.
    package var all: [Step] { steps.withLock { $0 } }
}
