internal import AnswerCache
internal import DNSWire

/// An entry of the cache as people and programs are shown it.
struct EntryDescription {
    private let entry: CachedEntry
    private let message: Message?
    private let upstream: String?
    private let name: String

    /// The tier that it was found in.
    static let tier = "memory"

    /// Describes an entry.
    init(_ entry: CachedEntry, _ upstreams: UpstreamDirectory) {
        self.entry = entry
        let bytes = entry.message()
        message = try? Message(bytes.span)
        upstream = upstreams.name(of: entry.provenance.upstream)
        name = Name(entry.key.name).description
    }

    /// What kind of answer it is.
    private var kind: String {
        if entry.answer.isFailure { return "failure" }
        if !entry.answer.isNegative { return "answer" }
        return entry.answer.responseCode == .nxDomain ? "nxdomain" : "nodata"
    }

    private var secondsLeft: UInt32 { entry.isExpired ? 0 : entry.answer.secondsLeft }

    // MARK: - A line of a listing

    /// The columns' titles.
    static let title = line([
        "NAME", "TYPE", "ANSWER", "TTL", "AGE", "USES", "SIZE", "TIER", "UPSTREAM", "VIA",
    ])

    /// One line.
    var line: [UInt8] {
        var type = "\(entry.key.type)"
        if entry.key.flags.dnssecOK { type += "+do" }
        if entry.key.flags.checkingDisabled { type += "+cd" }
        let figures = ["\(secondsLeft)", "\(entry.answer.ageSeconds)", "\(entry.answer.uses)", "\(entry.byteCount)"]
        return Self.line(
            [name, type, answer] + figures + [Self.tier, upstream ?? "-", "\(entry.provenance.transport)"])
    }

    /// The records in short, or why there are none.
    private var answer: String {
        switch kind {
        case "nodata": return "NODATA"
        case "answer": break
        default: return "\(entry.answer.responseCode)"
        }
        let texts = (message?.answers ?? []).filter { $0.type != .rrsig }.map { record in
            record.type == entry.key.type ? "\(record.data)" : "\(record.type) \(record.data)"
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
        let answer = entry.answer
        var text = "; \(Self.tier): \(secondsLeft) s left of \(answer.lifetimeSeconds), \(answer.ageSeconds) s old, "
        text += "used \(answer.uses) times, \(entry.byteCount) bytes, "
        text += "from \(upstream ?? "nobody") over \(entry.provenance.transport), \(entry.provenance.security)"
        if entry.key.flags.dnssecOK { text += ", asked with DO" }
        if entry.key.flags.checkingDisabled { text += ", asked with CD" }
        text += "\n;; ->>HEADER<<- opcode: QUERY, status: \(answer.responseCode)"
        if let error = answer.extendedError { text += ", EDE: \(error)" }
        guard let message else { return text + "\n;; cannot be read\n" }
        let counts = (message.answers.count, message.authorities.count, message.additionals.count)
        text += "\n;; flags: \(message.flags); QUERY: 1, ANSWER: \(counts.0), AUTHORITY: \(counts.1), ADDITIONAL: \(counts.2)"
        text += "\n\n;; QUESTION SECTION:\n;\(name)\t\t\(entry.key.class)\t\(entry.key.type)\n"
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
        let answer = entry.answer
        writer.object { writer in
            writer.member("name", name)
            writer.member("type", "\(entry.key.type)")
            writer.member("class", "\(entry.key.class)")
            writer.member("do", entry.key.flags.dnssecOK)
            writer.member("cd", entry.key.flags.checkingDisabled)
            writer.member("kind", kind)
            writer.member("rcode", "\(answer.responseCode)")
            if let error = answer.extendedError { writer.member("ede", error.rawValue) }
            Self.write(message?.answers, "records", to: &writer)
            Self.write(message?.authorities, "authority", to: &writer)
            Self.write(message?.additionals, "additional", to: &writer)
            writer.member("ttl", secondsLeft)
            writer.member("lifetime", answer.lifetimeSeconds)
            writer.member("age", answer.ageSeconds)
            writer.member("uses", answer.uses)
            writer.member("size", entry.byteCount)
            writer.member("tier", Self.tier)
            writer.member("upstream", upstream)
            writer.member("transport", "\(entry.provenance.transport)")
            writer.member("security", "\(entry.provenance.security)")
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
