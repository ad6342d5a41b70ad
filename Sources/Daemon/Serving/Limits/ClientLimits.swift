internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// How much clients may ask, and be answered: what the settings say, as it is counted.
struct RateLimits: Sendable, Equatable {
    /// Queries of a client; nil for any number.
    var queries: Rate?
    /// The same answer over UDP to a network.
    var responses: Rate?
    /// Refusals over UDP to a network.
    var refusals: Rate?
    /// One answer in so many that are too many goes out cut to nothing, so that an honest client asks over TCP; 0 for none.
    var slip = 2
    /// Whether a client is told over UDP that it asks too much.
    var refuses = false

    /// None.
    static let none = RateLimits()

    /// Whether clients that are answered have any.
    var areSet: Bool { queries != nil || responses != nil }
}

/// Holds clients of one worker to their limits. Looked at only for those who have any: the others never come here
/// (`ClientGate.admits`).
final class ClientLimits {
    /// What becomes of an answer over UDP.
    enum Verdict {
        case send
        /// It is sent without records, and with TC.
        case truncate
        case drop
    }

    /// What is limited, as it is counted. The order is that of the cells.
    enum Kind: Int, CaseIterable {
        /// Queries over a client's rate.
        case queries
        /// Answers that were not sent.
        case responses
        /// Answers that were cut to nothing.
        case slips
        /// Refusals that were not sent.
        case refusals

        /// Its name in metrics.
        var name: String { "\(self)" }
    }

    private let tables: RateTables
    private let figures: QueryFigures
    private(set) var limits = RateLimits.none
    /// Who has none.
    private var exempt = ClientAccess.everybody
    /// Answers that were too many.
    private var excess = 0

    init(_ tables: RateTables, counting figures: QueryFigures) {
        self.tables = tables
        self.figures = figures
    }

    /// Goes on by other limits; debts stay.
    func adopt(_ rules: ClientRules) { (limits, exempt) = (rules.limits, rules.exempt) }

    /// Whether a query of a client is within its rate; counts it.
    func takesQuery(of client: UInt128, at now: Instant) -> Bool {
        guard let rate = limits.queries, !exempt.admits(number: client) else { return true }
        let hash = tables.hash(RateTables.client(client), 0)
        if tables.queries.take(hash, rate, nanoseconds: now.nanoseconds) { return true }
        figures.limited.add(at: Kind.queries.rawValue)
        return false
    }

    /// Whether a client may be told once more over UDP that it may not ask; counts it.
    func takesRefusal(of client: UInt128, at now: Instant) -> Bool {
        guard let rate = limits.refusals, !exempt.admits(number: client) else { return true }
        let hash = tables.hash(RateTables.network(client), 0)
        if tables.refusals.take(hash, rate, nanoseconds: now.nanoseconds) { return true }
        figures.limited.add(at: Kind.refusals.rawValue)
        return false
    }

    /// What becomes of an answer over UDP to a client whose address nothing proves; counts it. `subject` is what makes two answers
    /// the same.
    func verdict(on subject: UInt64, to client: UInt128, at now: Instant) -> Verdict {
        guard let rate = limits.responses, !exempt.admits(number: client) else { return .send }
        let hash = tables.hash(RateTables.network(client), subject)
        if tables.responses.take(hash, rate, nanoseconds: now.nanoseconds) { return .send }
        excess &+= 1
        let slips = limits.slip > 0 && excess % limits.slip == 0
        figures.limited.add(at: (slips ? Kind.slips : .responses).rawValue)
        return slips ? .truncate : .drop
    }
}
