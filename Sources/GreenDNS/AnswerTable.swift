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

    /// Follows the chain from the question's name through a reply whose rcode is NOERROR or NXDOMAIN.
    init(_ reply: Message, to question: Question) {
        var (name, ttl) = (question.name, UInt32.max)
        for _ in 0..<Self.aliasLimit {
            let own = reply.answers.filter { $0.owner == name && $0.class == .internet }
            let found = own.filter { $0.type == question.type }
            if !found.isEmpty {
                (outcome, records, target) = (.records, found, name)
                life = found.reduce(ttl) { min($0, $1.ttl) }
                return
            }
            guard let alias = own.first(where: { $0.type == .cname }), case .cname(let data) = alias.data else { break }
            ttl = min(ttl, alias.ttl)
            name = data.target
        }
        target = name
        let soa = reply.authorities.first { $0.type == .soa && name.isSubdomain(of: $0.owner) }
        if case .soa(let data)? = soa?.data {
            life = min(ttl, soa?.ttl ?? 0, data.minimum, Self.longestDenial)
        } else {
            life = 0
        }
        outcome = reply.responseCode == .nxDomain ? .noSuchName : .noRecords
        isOpen = outcome == .noRecords && name != question.name && soa == nil
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
}

/// Answers that are known, each until its time is over; no more than a number of them.
struct AnswerTable {
    private var kept: [Question: (answer: DNSAnswer, end: Instant)] = [:]
    /// What is kept, in the order in which it came, from `oldest` on.
    private var order: [Question] = []
    private var oldest = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// What is known of a question at a moment.
    func find(_ question: Question, at now: Instant) -> DNSAnswer? {
        guard let entry = kept[question], now < entry.end else { return nil }
        return entry.answer
    }

    /// Keeps an answer until its end.
    mutating func keep(_ answer: DNSAnswer, for question: Question, until end: Instant) {
        guard limit > 0, answer.life > 0 else { return }
        if kept.updateValue((answer, end), forKey: question) != nil { return }
        order.append(question)
        guard kept.count > limit else { return }
        kept[order[oldest]] = nil
        oldest += 1
        if oldest > limit {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}
