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
    /// All answers over UDP to a network.
    var allResponses: Rate?
    /// Refusals over UDP to a network.
    var refusals: Rate?
    /// One in so many that are too many, of queries and answers, is answered cut to nothing, so that an honest client asks over
    /// TCP; 0 for none.
    var slip = 2
    /// Whether a client is told over UDP that it asks too much.
    var refuses = false

    /// None.
    static let none = RateLimits()

    /// Whether clients that are answered have any.
    var areSet: Bool { queries != nil || responses != nil || allResponses != nil }
}

/// Holds clients of one worker to their limits. Looked at only for those who have any: the others never come here
/// (`ClientGate.admits`).
final class ClientLimits {
    /// What is limited, as it is counted. The order is that of the cells.
    enum Kind: Int, CaseIterable {
        /// Queries over a client's rate that were not answered, or waited.
        case queries
        /// Answers that were not sent.
        case responses
        /// Answers that were cut to nothing, for either.
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
    /// What says which of those that are too many goes out; others must not be able to count with it.
    private var random = UInt64.random(in: 1 ... .max)
    /// Another number with each change of the rules.
    private(set) var generation: UInt32 = 1

    init(_ tables: RateTables, counting figures: QueryFigures) {
        self.tables = tables
        self.figures = figures
    }

    /// Goes on by other limits. Who owes more than the new ones let anybody owe owes nothing.
    func adopt(_ rules: ClientRules) {
        (limits, exempt) = (rules.limits, rules.exempt)
        generation &+= 1
    }

    /// Whether a client has limits.
    func limits(_ client: UInt128) -> Bool { limits.queries != nil && !exempt.admits(number: client) }

    /// Whether a query of a client is within its rate; counts it. What nothing proves to be the client's own, a datagram without
    /// a good cookie, is counted apart from what is proven (`isProven`): whoever forges the address takes nothing from that.
    func takesQuery(of client: UInt128, isProven: Bool, at now: Instant) -> Bool {
        limits(client) ? takes(client, isProven: isProven, at: now) : true
    }

    /// The same for a client that has limits.
    func takes(_ client: UInt128, isProven: Bool, at now: Instant) -> Bool {
        guard let rate = limits.queries else { return true }
        let hash = tables.hash(RateTables.client(client), isProven ? 1 : 0)
        return tables.queries.take(hash, rate, nanoseconds: now.nanoseconds)
    }

    /// Whether one that is too much is answered without records and with TC, rather than not at all; counts it.
    func slips(_ kind: Kind) -> Bool {
        // xorshift64*, which is never 0 again once it is not.
        random ^= random >> 12
        random ^= random << 25
        random ^= random >> 27
        let draw = random &* 0x2545_F491_4F6C_DD1D >> 32
        let slips = limits.slip > 0 && draw % UInt64(limits.slip) == 0
        figures.limited.add(at: (slips ? Kind.slips : kind).rawValue)
        return slips
    }

    /// Counts a query that waits, or is refused, since its client has asked too much.
    func noteExcess() { figures.limited.add(at: Kind.queries.rawValue) }

    /// Whether a client may be told once more over UDP that it may not ask; counts it.
    func takesRefusal(of client: UInt128, at now: Instant) -> Bool {
        guard let rate = limits.refusals, !exempt.admits(number: client) else { return true }
        let hash = tables.hash(RateTables.network(client), 0)
        if tables.refusals.take(hash, rate, nanoseconds: now.nanoseconds) { return true }
        figures.limited.add(at: Kind.refusals.rawValue)
        return false
    }

    /// Whether an answer over UDP is within the rates of the network that it goes to; counts it. `subject` is what makes two
    /// answers the same.
    func takesAnswer(_ subject: UInt64, to client: UInt128, at now: Instant) -> Bool {
        exempt.admits(number: client)
            || takes(limits.responses, subject, client, now) && takes(limits.allResponses, Self.allSubjects, client, now)
    }

    /// Stands for all answers to a network.
    private static let allSubjects = UInt64.max

    private func takes(_ rate: Rate?, _ subject: UInt64, _ client: UInt128, _ now: Instant) -> Bool {
        guard let rate else { return true }
        let hash = tables.hash(RateTables.network(client), subject)
        return tables.responses.take(hash, rate, nanoseconds: now.nanoseconds)
    }
}
