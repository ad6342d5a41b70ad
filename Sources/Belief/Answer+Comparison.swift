internal import DNSWire

/// What is asked of an answer besides what it says: whose addresses it has, and whether another says the same.
extension Answer {
    /// Whether an A or AAAA record among its answers has an address that is meant; addresses are numbers, those of IPv4 with 64
    /// bits set above them.
    package func hasAddress(where isMeant: (UInt128) -> Bool) -> Bool {
        var walk = AnswerWalk(counts.answers)
        while let record = walk.next(in: records) {
            let start = record.rdata.lowerBound
            switch (record.type, record.rdata.count) {
            case (.a, 4):
                if isMeant(UInt128(UInt64.max) << 64 | UInt128(records.loadUInt32(at: start))) { return true }
            case (.aaaa, 16):
                let (high, low) = (records.loadWord(at: start).byteSwapped, records.loadWord(at: start + 8).byteSwapped)
                if isMeant(UInt128(high) << 64 | UInt128(low)) { return true }
            default: break
            }
        }
        return false
    }

    /// Whether the answer of another server to the same question may be as true as this: it has an address in common, where there
    /// are any, for many names have more of them than one answer tells. Else it has as many records of each type, and the same
    /// data in those types whose names nobody compresses (RFC 3597 4).
    package func agrees(with other: Answer) -> Bool {
        guard kind == other.kind, responseCode == other.responseCode else { return false }
        if hasAddress(where: { _ in true }), other.hasAddress(where: { _ in true }) {
            return hasAddress { address in other.hasAddress { $0 == address } }
        }
        return counts.answers == other.counts.answers && comparable == other.comparable
    }

    /// The data of its answers, but of those whose names may be compressed the type alone.
    private var comparable: [[UInt8]] {
        data.map { bytes in
            let type = RecordType(rawValue: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
            return Self.mayCompress(type) ? Array(bytes.prefix(2)) : bytes
        }
    }

    /// Whether names in the data of a type may be compressed (RFC 3597 4).
    private static func mayCompress(_ type: RecordType) -> Bool {
        switch type {
        case .ns, .cname, .soa, .ptr, .mx: true
        default: false
        }
    }

    /// Whether another answer to the same question says the same: the same data in whatever order, TTLs aside. Where names in
    /// the data are compressed in another way, it is said not to.
    package func saysSame(as other: Answer) -> Bool {
        guard kind == other.kind, responseCode == other.responseCode, counts.answers == other.counts.answers else { return false }
        return data == other.data
    }

    /// The data of its answers, type by type, in one order.
    private var data: [[UInt8]] {
        var data: [[UInt8]] = []
        var walk = AnswerWalk(counts.answers)
        while let record = walk.next(in: records) {
            let number = record.type.rawValue
            // What signs an answer is another each time.
            if record.type == .rrsig { continue }
            var bytes = [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
            for index in record.rdata { bytes.append(records[index]) }
            data.append(bytes)
        }
        return data.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The answer that a name does not exist, with an SOA of our own, to be kept for so many seconds.
    package static func denial(of asked: Asked, seconds: UInt32) -> Answer {
        let start = asked.recordsStart
        var storage = [UInt8](repeating: 0, count: start)
        var span = storage.mutableSpan
        span.copy(asked.name.span, to: MessageView.headerLength)
        // The zone is the domain above the name; its name stands in the question's.
        let zone = MessageView.headerLength + (asked.labelCount == 0 ? 0 : 1 + Int(asked.name[0]))
        let pointer = [0xC0 | UInt8(truncatingIfNeeded: zone >> 8), UInt8(truncatingIfNeeded: zone)]
        let number = { (value: UInt32) in (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) } }
        var rdata = pointer + [6] + Array("nobody".utf8) + [7] + Array("invalid".utf8) + [0]
        rdata += [1, 3600, 1200, 604_800, seconds].flatMap(number)
        storage += pointer + [0, 6, 0, 1] + number(seconds) + [0, UInt8(truncatingIfNeeded: rdata.count)] + rdata
        let head = Head(
            kind: .nxDomain, responseCode: .nxDomain, flags: HeaderFlags(), authenticData: false, lifetimeSeconds: seconds,
            notKept: nil, aliasCount: 0, target: asked.name, droppedCount: 0)
        return Answer(head, counts: (0, 1, 0), storage: storage, range: start..<storage.count)
    }
}

/// Goes along the records of an answer section that was judged before.
private struct AnswerWalk {
    private var left: UInt16
    private var offset = 0

    /// Begins before the first of so many.
    init(_ count: UInt16) { left = count }

    /// The next record's type, and where its data is; nil after the last.
    mutating func next(in records: Span<UInt8>) -> (type: RecordType, rdata: Range<Int>)? {
        guard left > 0 else { return nil }
        left -= 1
        // The owner: labels up to the root, or up to a pointer.
        while offset < records.count, (1...63).contains(records[offset]) { offset += 1 + Int(records[offset]) }
        guard offset < records.count else { return nil }
        offset += records[offset] == 0 ? 1 : 2
        guard offset + 10 <= records.count else { return nil }
        let type = RecordType(rawValue: records.loadUInt16(at: offset))
        let start = offset + 10
        offset = start + Int(records.loadUInt16(at: offset + 8))
        guard offset <= records.count else { return nil }
        return (type, start..<offset)
    }
}
