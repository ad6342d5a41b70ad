internal import Green
internal import Logging

/// Errors of greenlets that nobody waits for, by their text: each is said at once, and from then on once a minute with how often
/// it came meanwhile. Where memory for stacks is refused there are thousands a second.
struct TaskFailures {
    /// An error that was said.
    private struct Known {
        let text: String
        var saidAt: Instant
        var unsaid: UInt64 = 0
    }

    /// From one line for an error to the next.
    static let distance = Duration.seconds(60)
    /// So many errors are told apart; further ones take the place of one whose minute is over, or are not said.
    static let most = 16
    private var known: [Known] = []

    /// An error has come: how often it came before without a line, or nil where there is to be no line.
    mutating func observe(_ text: String, at now: Instant) -> UInt64? {
        if let index = known.firstIndex(where: { $0.text == text }) {
            guard known[index].saidAt.duration(to: now) >= Self.distance else {
                known[index].unsaid &+= 1
                return nil
            }
            defer { known[index] = Known(text: text, saidAt: now) }
            return known[index].unsaid
        }
        if known.count == Self.most {
            guard let old = known.firstIndex(where: { $0.saidAt.duration(to: now) >= Self.distance }) else { return nil }
            known.remove(at: old)
        }
        known.append(Known(text: text, saidAt: now))
        return 0
    }

    /// What hubs are to report to: one account for all that are given it.
    static func report() -> @Sendable (String, any Error) -> Void {
        let failures = Locked(TaskFailures())
        return { greenlet, error in
            let (text, now) = ("\(error)", Hub.current.loop.now())
            guard let unsaid = failures.withLock({ $0.observe(text, at: now) }) else { return }
            var metadata: Logger.Metadata = ["task": "\(greenlet)", "error": "\(text)"]
            if unsaid > 0 { metadata["unsaid"] = "\(unsaid)" }
            Logger(label: "vireo").error("a task failed", metadata: metadata)
        }
    }
}
