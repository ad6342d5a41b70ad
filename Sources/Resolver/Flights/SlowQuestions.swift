internal import AnswerCache
internal import Belief
package import DNSWire
package import Green
package import Observation
internal import Synchronization
internal import Upstream

/// A question that was asked, or is being asked, as an operator is shown it.
package struct AskedQuestion: Sendable {
    /// The name.
    package let name: Name?
    /// The type.
    package let type: RecordType
    /// For how long it has been asked, or was.
    package let nanoseconds: UInt64
    /// How many clients wait for it, or waited.
    package let clients: Int
    /// Who asked first; nil where no client did.
    package let client: ClientIdentity?
    /// Whom it waits for, or waited for last.
    package let waitsFor: QuestionStanding.Waiting
    /// What came of it; nil while it is being asked.
    package let outcome: String?
    /// When it was over; when it was looked at, while it is being asked.
    package let at: Instant

    /// A flight at a moment.
    init(_ flight: Flight, clients: Int, at now: Instant) {
        name = try? Name(wire: flight.key.wireName)
        type = flight.key.type
        nanoseconds = flight.openedAt.nanoseconds(to: now)
        self.clients = clients
        client = flight.owner.asker
        waitsFor = flight.waitsFor
        outcome =
            switch flight.result {
            case .success(let reply): "\(reply.answer.responseCode)"
            case .failure(let failure): "\(failure.text)"
            case nil: nil
            }
        at = now
    }
}

/// The slowest questions of the last hour: so many of them are kept, whatever happens.
final class SlowQuestions: Sendable {
    private let kept = Locked<[AskedQuestion]>([])
    /// Questions that took no longer are not looked at until `dueAt`, when the first of those kept is an hour old.
    private let least = Atomic<UInt64>(0)
    private let dueAt = Atomic<UInt64>(.max)

    /// So many are kept.
    static let most = 64
    /// For so many nanoseconds.
    static let memory: UInt64 = 3_600_000_000_000

    /// Keeps a question that has been asked, where it is one of the slowest.
    func note(_ flight: Flight, at now: Instant) {
        let took = flight.openedAt.nanoseconds(to: now)
        guard took > least.load(ordering: .relaxed) || dueAt.load(ordering: .relaxed) <= now.nanoseconds else { return }
        let question = AskedQuestion(flight, clients: flight.clientCount, at: now)
        kept.withLock { kept in
            kept.removeAll { $0.at.nanoseconds &+ Self.memory <= now.nanoseconds }
            if kept.count >= Self.most {
                guard let place = kept.indices.min(by: { kept[$0].nanoseconds < kept[$1].nanoseconds }) else { return }
                if kept[place].nanoseconds < took { kept[place] = question }
            } else {
                kept.append(question)
            }
            let isFull = kept.count >= Self.most
            least.store(isFull ? kept.map(\.nanoseconds).min() ?? 0 : 0, ordering: .relaxed)
            dueAt.store((kept.map(\.at.nanoseconds).min() ?? 0) &+ Self.memory, ordering: .relaxed)
        }
    }

    /// Those of the last hour, the slowest first.
    func all(at now: Instant) -> [AskedQuestion] {
        kept.withLock { $0 }.filter { $0.at.nanoseconds &+ Self.memory > now.nanoseconds }
            .sorted { $0.nanoseconds > $1.nanoseconds }
    }
}
