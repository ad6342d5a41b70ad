internal import DNSWire
internal import Green

/// What a reply says to a question.
struct DNSAnswer {
    /// What kind of answer it is.
    enum Outcome {
        case records
        case noRecords
        case noSuchName
    }

    /// What kind this is.
    private(set) var outcome: Outcome
    /// The records of the type asked for.
    private(set) var records: [ResourceRecord] = []
    /// The last name of the chain of aliases.
    private(set) var target: Name
    /// Seconds that it may be kept; 0 for not at all.
    var life: UInt32
    /// Whether the chain ends in an alias whose target the reply says nothing of.
    private(set) var isOpen = false

    /// So many aliases are followed in one reply.
    private static let aliasLimit = 16
    /// A denial is kept no longer (RFC 2308 5).
    private static let longestDenial: UInt32 = 10_800
    /// An answer with more records is not kept.
    private static let recordLimit = 256

    /// Why aliases that come back to one of them have no end.
    static let circle = DNSError.serverFailure("", "its aliases lead in a circle")

    /// Follows the chain from the question's name through a reply whose rcode is NOERROR or NXDOMAIN. Throws where the chain comes
    /// back to itself.
    init(_ reply: Message, to question: Question) throws(DNSError) {
        var (name, ttl) = (question.name, UInt32.max)
        var passed: Set<Name> = [name]
        for _ in 0..<Self.aliasLimit {
            let own = reply.answers.filter { $0.owner == name && $0.class == .internet }
            let found = own.filter { $0.type == question.type }
            if !found.isEmpty {
                life = found.reduce(ttl) { min($0, $1.ttl) }
                // With the letters of the name that was asked for, not those that the question was sent in.
                records = found.map { ResourceRecord(name, ttl: $0.ttl, class: $0.class, $0.data) }
                (outcome, target) = (.records, name)
                return
            }
            guard let alias = own.first(where: { $0.type == .cname }), case .cname(let data) = alias.data else { break }
            ttl = min(ttl, alias.ttl)
            name = data.target
            guard passed.insert(name).inserted else { throw Self.circle }
        }
        target = name
        let soa = reply.authorities.first { $0.type == .soa && name.isSubdomain(of: $0.owner) }
        outcome = reply.responseCode == .nxDomain ? .noSuchName : .noRecords
        isOpen = outcome == .noRecords && name != question.name && soa == nil
        if case .soa(let data)? = soa?.data {
            life = min(ttl, soa?.ttl ?? 0, data.minimum, Self.longestDenial)
        } else {
            // Of an open alias, only the way to its target may be kept.
            life = isOpen ? ttl : 0
        }
    }

    /// The addresses in its records.
    var addresses: [IPAddress] {
        records.compactMap { record in
            switch record.data {
            case .a(let data): IPAddress(v4: data.address)
            case .aaaa(let data): IPAddress(v6High: data.high, low: data.low)
            default: nil
            }
        }
    }

    /// About how many bytes it takes to keep it; nil for one that is too large for that.
    var cost: Int? {
        guard records.count <= Self.recordLimit else { return nil }
        var sum = 512
        for record in records {
            var message = Message()
            message.answers = [record]
            guard let bytes = try? message.encoded() else { return nil }
            sum += 256 + bytes.count
        }
        return sum
    }
}

/// What is known of questions, each until its time is over: no more than a number of them, and no more than so many bytes.
struct AnswerTable {
    /// What is known of one: what a server said, or that none did.
    private struct Entry {
        let found: Result<DNSAnswer, DNSError>
        let end: Instant
        let cost: Int
        /// Which of its places in the order counts.
        let serial: UInt64
    }

    private var kept: [Question: Entry] = [:]
    /// What is kept, in the order in which it came or was renewed, from `oldest` on; places of what is gone count no more.
    private var order: [(question: Question, serial: UInt64)] = []
    private var oldest = 0
    private var serial: UInt64 = 0
    private var bytes = 0
    private let limit: Int
    private let byteLimit: Int

    init(limit: Int, bytes byteLimit: Int) {
        (self.limit, self.byteLimit) = (limit, byteLimit)
    }

    /// What is known of a question at a moment; what is over by then is dropped.
    mutating func find(_ question: Question, at now: Instant) -> Result<DNSAnswer, DNSError>? {
        guard let entry = kept[question] else { return nil }
        guard now < entry.end else {
            drop(question)
            return nil
        }
        return entry.found
    }

    /// Keeps an answer until its end.
    mutating func keep(_ answer: DNSAnswer, for question: Question, until end: Instant) {
        guard answer.life > 0, let cost = answer.cost else { return drop(question) }
        keep(.success(answer), cost, question, end)
    }

    /// Keeps that no server answered.
    mutating func keep(_ failure: DNSError, for question: Question, until end: Instant) {
        keep(.failure(failure), 512, question, end)
    }

    private mutating func keep(
        _ found: Result<DNSAnswer, DNSError>, _ cost: Int, _ question: Question, _ end: Instant
    ) {
        drop(question)
        guard limit > 0, cost <= byteLimit else { return }
        serial += 1
        kept[question] = Entry(found: found, end: end, cost: cost, serial: serial)
        order.append((question, serial))
        bytes += cost
        while kept.count > limit || bytes > byteLimit, oldest < order.count {
            let first = order[oldest]
            oldest += 1
            if kept[first.question]?.serial == first.serial { drop(first.question) }
        }
        // Places that count no more are swept when there are more of them than of others.
        if order.count > 2 * kept.count + 64 {
            order = order[oldest...].filter { kept[$0.question]?.serial == $0.serial }
            oldest = 0
        }
    }

    private mutating func drop(_ question: Question) {
        guard let entry = kept.removeValue(forKey: question) else { return }
        bytes -= entry.cost
    }
}
