package import DNSWire

/// What is said of how this server speaks encrypted, to who asks its designation (RFC 9462): SVCB records in the form of RFC 9461,
/// at `_dns.resolver.arpa.` and at `_dns` below the server's own name.
package struct DesignatedResolvers: Sendable {
    /// The names, in wire form and lower case.
    private let names: [[UInt8]]
    /// The records, best first.
    private let services: [RecordData.SVCB]
    /// For so long clients may keep them.
    private static let ttl: UInt32 = 300

    /// Those of a server with a name; nil where there are none.
    package init?(_ server: Name, _ services: [RecordData.SVCB]) {
        guard !services.isEmpty, let own = Name("_dns.\(server)"), let all = Name("_dns.resolver.arpa") else { return nil }
        names = [all.lowercased.wire, own.lowercased.wire]
        self.services = services
    }

    /// The records for a question; nil where nothing is said here. Below the server's own name there is nothing else: an upstream
    /// that says so of another type must not hide them (RFC 2308 5). The other name is in a locally served zone.
    func records(for name: Span<UInt8>, _ type: RecordType) -> [ResourceRecord]? {
        guard let number = names.firstIndex(where: { name.hasSameBytes(as: $0.span) }), let owner = RuleBook.name(name) else {
            return nil
        }
        guard type == .svcb else { return number == 0 ? nil : [] }
        return services.map { ResourceRecord(owner, ttl: Self.ttl, .svcb($0)) }
    }
}

extension Resolver {
    /// The answer to a question for the designated resolvers; nil for others.
    func designation(_ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step? {
        guard let records = policy.designated?.records(for: query.nameBytes, query.type) else { return nil }
        noteLocal("this server's designated resolvers (RFC 9462)")
        let limit = buffer.count > Self.mostInDatagram ? buffer.count : datagramLimit(query.edns)
        let writer = RecordsAnswer(query, buffer.span)
        return .answered(writer.write(records, Reply(.noError), into: &buffer, limit: limit))
    }
}
