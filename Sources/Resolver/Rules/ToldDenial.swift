internal import DNSWire
internal import NameRules

/// A denial as it is told to questions of one type, made ready once: what stands behind the question but for OPT, which is the
/// client's. A class: handed on without copies of what is in it.
final class ToldDenial: Sendable {
    /// What is to be done.
    enum Kind {
        /// The client is told what is ready.
        case answer
        /// Nothing at all is sent.
        case drop
        /// Over UDP the client is told to come back over TCP, where it gets what it asked for.
        case tcpOnly
        /// A list's records of the type, if any, are the answer.
        case records
    }

    /// The denial.
    let denial: Denial
    /// What is to be done.
    let kind: Kind
    /// The number of the list that denies, where it is one.
    let list: Int?
    /// Header and OPT, with the extended error alone.
    private let reply: Reply
    /// Records behind the question.
    private let records: [UInt8]
    /// The extended error with list and rule.
    let reason: ToldReason?

    /// For so long clients may keep what they are told: lists change.
    private static var ttl: UInt32 { 10 }
    /// An SOA's rdata, MNAME a pointer to the question's name.
    private static let soa: [UInt8] = [0xC0, 0x0C] + LocalRecord.soaRest(minimum: ttl)

    /// Makes a denial ready for questions of a type.
    init(_ denial: Denial, to type: RecordType) {
        self.denial = denial
        list = denial.list
        kind =
            switch denial.action {
            case .drop: .drop
            case .tcpOnly: .tcpOnly
            case .data: .records
            case .answer, .nxdomain, .nodata, .refuse: .answer
            }
        var reply = Reply(.noError)
        var records: [[UInt8]] = []
        reply.extendedError = denial.code
        switch denial.action {
        case .nxdomain, .answer(.nxdomain): reply.responseCode = .nxDomain
        case .refuse, .answer(.refused): reply.responseCode = .refused
        case .tcpOnly: reply.isTruncated = true
        case .nodata, .drop, .answer(.nodata), .data: break
        case .answer(.zero): records = Self.addresses(IPAddress(ipv4: 0), IPAddress(high: 0, low: 0), to: type)
        case .answer(.addresses(let ipv4, let ipv6)): records = Self.addresses(ipv4, ipv6, to: type)
        }
        reply.counts.0 = UInt16(records.count)
        if records.isEmpty, !reply.isTruncated, !reply.isRefusal {
            records = [LocalRecord(type: .soa, ttl: Self.ttl).bytes(Self.soa)]
            reply.counts.1 = 1
        }
        self.reply = reply
        self.records = Array(records.joined())
        reason = ToldReason(denial)
    }

    /// The addresses that a type asks for, as records of the question's name.
    private static func addresses(_ ipv4: IPAddress?, _ ipv6: IPAddress?, to type: RecordType) -> [[UInt8]] {
        var records: [[UInt8]] = []
        if let ipv4, type == .a || type == .any {
            records.append(LocalRecord(type: .a, ttl: ttl).bytes(Array(bytes(ipv4.low).suffix(4))))
        }
        if let ipv6, type == .aaaa || type == .any {
            records.append(LocalRecord(type: .aaaa, ttl: ttl).bytes(bytes(ipv6.high) + bytes(ipv6.low)))
        }
        return records
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
    }

    /// Writes it behind a question that stands at the front of a buffer up to `end`, for a client that takes `limit` bytes: the
    /// answer's length.
    func write(
        to flags: HeaderFlags, _ edns: EDNSSummary?, into buffer: inout MutableSpan<UInt8>, at end: Int, limit: Int
    ) -> Int {
        MessagePatch.setQuestionCount(1, in: &buffer)
        let records = records
        var (reply, end) = (reply, end)
        if end + records.count <= buffer.count {
            buffer.copy(records.span, to: end)
            end += records.count
        } else {
            reply.counts = (0, 0, 0)
        }
        let reason = edns != nil && reason?.fits(behind: end, limit: min(limit, buffer.count)) == true ? reason : nil
        if reason != nil { reply.extendedError = nil }
        let count = reply.finish(&buffer, flags: flags, edns: edns, end: end, limit: buffer.count) ?? end
        if reply.isRefusal { MessagePatch.setFlags(reply.flags(ofRefusalFor: flags), in: &buffer) }
        return reason?.append(to: &buffer, end: count) ?? count
    }
}
