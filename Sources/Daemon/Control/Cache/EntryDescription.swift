internal import AnswerCache
internal import DNSWire

/// An entry of the cache, in whichever tier, as people and programs are shown it.
struct EntryDescription {
    private let name: String
    private let type: RecordType
    private let recordClass: RecordClass
    private let flags: KeyFlags
    private let kind: String
    private let responseCode: ResponseCode
    private let extendedError: ExtendedErrorCode?
    private let message: Message?
    private let tier: CacheTier
    private let secondsLeft: UInt32
    private let lifetimeSeconds: UInt32
    private let ageSeconds: UInt32
    /// Redis does not count them.
    private let uses: UInt16?
    private let byteCount: Int
    private let upstream: String?
    private let transport: AnswerTransport
    private let security: SecurityStatus
    /// Whom the view asks that it is of; nil for the general one.
    private let view: String?

    /// Describes an entry of the memory.
    init(_ entry: CachedEntry, _ upstreams: UpstreamDirectory) {
        let answer = entry.answer
        name = Name(entry.key.name).description
        type = entry.key.type
        recordClass = entry.key.class
        flags = entry.key.flags
        kind = answer.isFailure ? "failure" : Self.kind(answer.responseCode, isNegative: answer.isNegative)
        responseCode = answer.responseCode
        extendedError = answer.extendedError
        let bytes = entry.message()
        message = Message(showing: bytes.span)
        tier = .memory
        secondsLeft = entry.isExpired ? 0 : answer.secondsLeft
        lifetimeSeconds = answer.lifetimeSeconds
        ageSeconds = answer.ageSeconds
        uses = answer.uses
        byteCount = entry.byteCount
        upstream = upstreams.name(of: entry.provenance.upstream)
        transport = entry.provenance.transport
        security = entry.provenance.security
        view = ViewDirectory.shared.identity(of: entry.key.viewNumber)?.text
    }

    /// Describes an answer in Redis.
    init(_ entry: RedisEntry) {
        name = entry.parts.name.description
        type = entry.parts.type
        recordClass = entry.parts.class
        flags = entry.parts.flags
        message = Message(showing: entry.message.span)
        responseCode = message?.flags.responseCode ?? .noError
        kind = Self.kind(responseCode, isNegative: entry.isNegative)
        extendedError = nil
        tier = .redis
        secondsLeft = entry.isExpired || entry.ageSeconds > entry.lifetimeSeconds ? 0 : entry.lifetimeSeconds - entry.ageSeconds
        lifetimeSeconds = entry.lifetimeSeconds
        ageSeconds = entry.ageSeconds
        uses = nil
        byteCount = entry.byteCount
        upstream = entry.origin.upstream.isEmpty ? nil : entry.origin.upstream
        transport = entry.origin.transport
        security = entry.origin.security
        let id = entry.parts.view
        view = id == 0 ? nil : ViewDirectory.shared.identity(ofID: id)?.text ?? "another instance's, \(String(id, radix: 16))"
    }

    /// What kind of answer it is.
    private static func kind(_ code: ResponseCode, isNegative: Bool) -> String {
        if !isNegative { return "answer" }
        return code == .nxDomain ? "nxdomain" : "nodata"
    }

    // MARK: - A line of a listing

    /// The columns' titles.
    static let title = line([
        "NAME", "TYPE", "ANSWER", "TTL", "AGE", "USES", "SIZE", "TIER", "UPSTREAM", "VIA",
    ])

    /// One line.
    var line: [UInt8] {
        var type = "\(type)"
        if flags.dnssecOK { type += "+do" }
        if flags.checkingDisabled { type += "+cd" }
        let figures = ["\(secondsLeft)", "\(ageSeconds)", uses.map { "\($0)" } ?? "-", "\(byteCount)"]
        return Self.line([name, type, answer] + figures + [tier.rawValue, upstream ?? "-", via])
    }

    /// The transport, and the view.
    private var via: String { view.map { "\(transport), in the view of \($0)" } ?? "\(transport)" }

    /// The records in short, or why there are none.
    private var answer: String {
        switch kind {
        case "nodata": return "NODATA"
        case "answer": break
        default: return "\(responseCode)"
        }
        let texts = (message?.answers ?? []).filter { $0.type != .rrsig }.map { record in
            record.type == type ? "\(record.data)" : "\(record.type) \(record.data)"
        }
        let text = texts.joined(separator: ", ")
        return text.utf8.count <= Self.widths[2] ? text : text.prefix(Self.widths[2] - 1) + "…"
    }

    /// The columns' widths; figures stand to the right.
    private static let widths = [32, 8, 40, -6, -6, -5, -6, 7, 21, 0]

    /// Nearly all that stands in columns is ASCII, so a byte counts as a letter.
    private static func line(_ columns: [String]) -> [UInt8] {
        let space = UInt8(ascii: " ")
        var line: [UInt8] = []
        line.reserveCapacity(160)
        for (column, width) in zip(columns, widths) {
            let padding = repeatElement(space, count: max(0, abs(width) - column.utf8.count))
            if width < 0 { line += padding }
            line += column.utf8
            if width > 0 { line += padding }
            line.append(space)
        }
        line[line.count - 1] = UInt8(ascii: "\n")
        return line
    }

    // MARK: - As dig prints it

    /// All of it, with where it came from as a comment before.
    var digText: String {
        var text = "; \(tier.rawValue): \(secondsLeft) s left of \(lifetimeSeconds), \(ageSeconds) s old, "
        if let uses { text += "used \(uses) times, " }
        text += "\(byteCount) bytes, from \(upstream ?? "nobody") over \(transport), \(security)"
        if flags.dnssecOK { text += ", asked with DO" }
        if flags.checkingDisabled { text += ", asked with CD" }
        if let view { text += ", in the view of \(view)" }
        text += "\n;; ->>HEADER<<- opcode: QUERY, status: \(responseCode)"
        if let extendedError { text += ", EDE: \(extendedError)" }
        guard let message else { return text + "\n;; cannot be read\n" }
        let counts = (message.answers.count, message.authorities.count, message.additionals.count)
        text += "\n;; flags: \(message.flags); QUERY: 1, ANSWER: \(counts.0), AUTHORITY: \(counts.1), ADDITIONAL: \(counts.2)"
        text += "\n\n;; QUESTION SECTION:\n;\(name)\t\t\(recordClass)\t\(type)\n"
        let sections = [("ANSWER", message.answers), ("AUTHORITY", message.authorities), ("ADDITIONAL", message.additionals)]
        for (title, records) in sections where !records.isEmpty {
            text += "\n;; \(title) SECTION:\n"
            for record in records { text += "\(record)\n" }
        }
        return text
    }

    // MARK: - As JSON

    /// Writes an object with all there is to know.
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("type", "\(type)")
            writer.member("class", "\(recordClass)")
            writer.member("do", flags.dnssecOK)
            writer.member("cd", flags.checkingDisabled)
            writer.member("kind", kind)
            writer.member("rcode", "\(responseCode)")
            if let extendedError { writer.member("ede", extendedError.rawValue) }
            Self.write(message?.answers, "records", to: &writer)
            Self.write(message?.authorities, "authority", to: &writer)
            Self.write(message?.additionals, "additional", to: &writer)
            writer.member("ttl", secondsLeft)
            writer.member("lifetime", lifetimeSeconds)
            writer.member("age", ageSeconds)
            if let uses { writer.member("uses", uses) } else { writer.member("uses", nil) }
            writer.member("size", byteCount)
            writer.member("tier", tier.rawValue)
            writer.member("upstream", upstream)
            writer.member("transport", "\(transport)")
            writer.member("security", "\(security)")
            writer.member("view", view)
        }
    }

    private static func write(_ records: [ResourceRecord]?, _ title: String, to writer: inout JSONWriter) {
        writer.key(title)
        writer.array { writer in
            for record in records ?? [] {
                writer.object { writer in
                    writer.member("name", "\(record.owner)")
                    writer.member("ttl", record.ttl)
                    writer.member("type", "\(record.type)")
                    writer.member("data", "\(record.data)")
                }
            }
        }
    }
}
