internal import DNSWire

/// What upstreams have told, and when: what an answer may be, and how old each of its records is.
struct Tellings {
    /// A set of records, or that there is none.
    private struct Part: Hashable {
        let owner: String
        /// The records' data; none where the owner has none.
        let data: Set<RecordData>
        /// Of what is not there: whether the name is, and the type where it is.
        var type: RecordType?
    }

    /// When something was told: moments of the boot clock, the last so many.
    private var moments: [Part: [Double]] = [:]
    /// Answers as a whole that may be given to a question.
    private var wholes: [String: Set<Whole>] = [:]
    /// When a question was last told of, the whole answer to it, and that nothing was amiss then.
    private(set) var newest: [String: (whole: Whole, at: Double)] = [:]
    private static let most = 2_000

    /// A part of an answer: the TTLs that it has there, the one that it had at first, and when it was told.
    typealias Told = (ttls: Set<UInt32>, original: UInt32, told: [Double])

    /// An answer as a whole, TTLs apart.
    struct Whole: Hashable {
        let code: ResponseCode
        let records: Set<RecordData>
    }

    /// A question as a key.
    static func key(_ name: String, _ type: RecordType) -> String { "\(name)/\(type)" }

    /// What an answer is as a whole.
    static func whole(_ code: ResponseCode, _ answers: [ResourceRecord]) -> Whole {
        Whole(code: code, records: Set(answers.map(\.data)))
    }

    /// Notes what was told of a name at a moment; `all` is all that there is to say of it, through its aliases.
    mutating func note(_ truth: ZoneTruth, _ all: ZoneTruth, of name: String, _ type: RecordType, at moment: Double) {
        for part in Self.parts(truth.code, truth.answers, truth.missing, type) {
            moments[part, default: []].append(moment)
            if moments[part]!.count > Self.most { moments[part]!.removeFirst() }
        }
        guard name.first != "k" else { return }
        let whole = Self.whole(all.code, all.answers)
        // That a name is not there is told of all its types.
        for each in all.code == .nxDomain ? ZoneTruth.types : [type] { wholes[Self.key(name, each), default: []].insert(whole) }
        newest[Self.key(name, type)] = (whole, moment)
    }

    /// The machine slept until now: what was on its way arrives as if it had been told now.
    mutating func wake(at moment: Double, from before: Double, onTheWay: Double) {
        for (part, told) in moments where told.contains(where: { $0 >= before - onTheWay }) { moments[part]!.append(moment) }
    }

    /// Whether an answer to a question is as an upstream has told it.
    func has(_ answer: Message, to key: String) -> Bool {
        wholes[key]?.contains(Self.whole(answer.responseCode, answer.answers)) ?? false
    }

    /// The parts of an answer, each with the TTLs that it has there and when it was told.
    func parts(of answer: Message, to name: String, _ type: RecordType) -> [Told] {
        var last = name
        for case .cname(let alias) in answer.answers.map(\.data) { last = ZoneTruth.text(alias.target) }
        let isMissing = !answer.answers.contains { $0.type == type }
        return Self.parts(answer.responseCode, answer.answers, isMissing ? last : nil, type).map { part in
            let records =
                part.data.isEmpty
                ? answer.authorities
                : answer.answers.filter { part.data.contains($0.data) && ZoneTruth.text($0.owner) == part.owner }
            return (Set(records.map(\.ttl)), ZoneTruth.ttl(part.owner), moments[part] ?? [])
        }
    }

    private static func parts(
        _ code: ResponseCode, _ answers: [ResourceRecord], _ missing: String?, _ type: RecordType
    ) -> [Part] {
        var sets: [String: Set<RecordData>] = [:]
        for record in answers { sets[ZoneTruth.text(record.owner), default: []].insert(record.data) }
        var parts = sets.map { Part(owner: $0.key, data: $0.value) }
        if let missing { parts.append(Part(owner: missing, data: [], type: code == .nxDomain ? nil : type)) }
        return parts
    }
}
