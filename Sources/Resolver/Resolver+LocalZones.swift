internal import DNSWire

/// Names that are answered here and never forwarded (RFC 6303, 6761 and the registry of special-use names). They are looked
/// for only after a miss: what is never asked is never in the cache.
extension Resolver {
    /// What is to be done with a question that the cache has nothing for.
    @inline(never)
    func missed(_ query: inout QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step {
        if let own = designation(query, &buffer) { return own }
        if let zone = localZone(of: &query), let own = zoneReply(query, zone, &buffer) { return own }
        return query.flags.recursionDesired ? .wait : answer(.withoutRecursion, query, &buffer)
    }

    /// The locally served zone that a question belongs to.
    private func localZone(of query: inout QueryView) -> LocalZone? {
        let facts = index.find(query.nameBytes)
        if let zone = facts?.zone { return zone }
        // DS of a domain that is forwarded is its parent's, which may be served here.
        if query.type == .ds, query.labelCount > 0 { return index.find(query.nameBytes.dropFirstLabel)?.zone }
        guard policy.localZones.singleLabels, query.labelCount == 1, facts?.route == nil, query.type.isOfHosts else { return nil }
        return .singleLabel
    }

    /// Whether a name of a locally served zone is something here: names below it are answered from the hosts file or forwarded,
    /// or it is forwarded itself. That it does not exist would deny them as well (RFC 8020).
    private func isKnown(_ query: borrowing QueryView) -> Bool {
        let isInHosts = unsafe hosts?.isEmptyNonTerminal(query.nameBytes) == true
        return isInHosts || index.leadsToRoute(query.nameBytes)
    }

    /// The zone's answer; nil where the parent is to be asked.
    private func zoneReply(
        _ query: borrowing QueryView, _ zone: LocalZone, _ buffer: inout MutableSpan<UInt8>
    ) -> Step? {
        let isTop = query.labelCount == zone.labelCount
        var writer = LocalZoneWriter(query, zone)
        var reply = Reply(.noError)
        switch zone.kind {
        case .empty where isTop && query.type == .ds: return nil
        case .nxDomain where isKnown(query), .empty where !isTop && isKnown(query),
            .loopbackReverse where !isTop && isKnown(query):
            break
        case .nxDomain: reply = Reply(.nxDomain, .synthesized, "a special-use name is not forwarded")
        case _ where isTop && query.type == .soa: writer.appendSOA(to: &buffer, in: &reply.counts.0)
        case _ where isTop && query.type == .ns: writer.append(.ns, writer.top, to: &buffer, in: &reply.counts.0)
        case .loopback: writer.appendLoopback(query.type, to: &buffer, in: &reply.counts.0)
        case .loopbackReverse where isTop:
            if query.type == .ptr || query.type == .any {
                writer.append(.ptr, LocalZoneWriter.localhost, to: &buffer, in: &reply.counts.0)
            }
        case .empty where !isTop, .loopbackReverse: reply = Reply(.nxDomain, .synthesized, "a locally served zone (RFC 6303)")
        case .empty, .noData: break
        }
        noteLocal("the locally served zone \(RuleBook.text(query.nameBytes, labels: zone.labelCount))")
        if reply.counts.0 == 0 { writer.appendSOA(to: &buffer, in: &reply.counts.1) }
        let count = reply.finish(
            &buffer, flags: query.flags, edns: query.edns, end: writer.end, limit: buffer.count)
        return count.map(Step.answered)
    }
}

/// Writes the records of a locally served zone behind a question. All of them fit into the smallest message.
private struct LocalZoneWriter {
    /// Where the records end.
    private(set) var end: Int
    /// A pointer to the zone's top, in the question.
    let top: [UInt8]

    /// For so long clients may keep what they are told; that of RFC 6303's zones is three hours, but a name that is given to
    /// a `forward` rule or the hosts file should work sooner.
    private static var ttl: UInt32 { 3600 }
    /// `localhost.`
    static let localhost: [UInt8] = [9] + Array("localhost".utf8) + [0]

    /// Begins right behind the question.
    init(_ query: borrowing QueryView, _ zone: LocalZone) {
        end = MessageView.headerLength + query.questionLength
        let name = query.nameBytes
        var offset = 0
        for _ in 0..<max(0, query.labelCount - zone.labelCount) { offset += 1 + Int(name[offset]) }
        let pointer = NameView.questionPointer + UInt16(truncatingIfNeeded: offset)
        top = [UInt8(pointer >> 8), UInt8(truncatingIfNeeded: pointer)]
    }

    /// Appends a record of the question's name and counts it.
    mutating func append(
        _ type: RecordType, _ rdata: [UInt8], to buffer: inout MutableSpan<UInt8>, in count: inout UInt16
    ) {
        let record = LocalRecord(type: type, ttl: Self.ttl)
        guard let next = record.append(rdata.span, to: &buffer, at: end, limit: buffer.count) else { return }
        end = next
        count += 1
    }

    /// Appends the zone's SOA and counts it.
    mutating func appendSOA(to buffer: inout MutableSpan<UInt8>, in count: inout UInt16) {
        let start = end
        append(.soa, top + LocalRecord.soaRest(minimum: Self.ttl), to: &buffer, in: &count)
        if end > start { buffer.copy(top.span, to: start) }
    }

    /// Appends the loopback address of a type, both for ANY.
    mutating func appendLoopback(_ type: RecordType, to buffer: inout MutableSpan<UInt8>, in count: inout UInt16) {
        if type == .a || type == .any { append(.a, [127, 0, 0, 1], to: &buffer, in: &count) }
        if type == .aaaa || type == .any {
            append(.aaaa, [UInt8](repeating: 0, count: 15) + [1], to: &buffer, in: &count)
        }
    }
}

extension Span<UInt8> {
    /// The wire form of the name above one that is not the root.
    var dropFirstLabel: Span<UInt8> {
        @_lifetime(copy self) get { extracting((1 + Int(self[0]))...) }
    }
}

extension RecordType {
    /// Whether it is a type that stub resolvers ask of a host's name, so that a name of a single label is one that should
    /// have been completed. DS, NS, SOA and their like are asked of top-level domains.
    fileprivate var isOfHosts: Bool {
        switch self {
        case .a, .aaaa, .mx, .srv, .https, .svcb: true
        default: false
        }
    }
}
