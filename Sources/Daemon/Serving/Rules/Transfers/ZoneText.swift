internal import DNSWire
internal import Green

/// A transferred zone as it is kept: a zone file with a line for each record, which is read as any list is. All of it blocks, and
/// gives way often.
struct ZoneText {
    /// The zone.
    let zone: Name
    /// Lines, the first ones of the zone's own.
    private(set) var bytes: [UInt8] = []
    /// What has changed: lines that are no more, and others, by all of them but their TTL.
    private var removed: Set<[UInt8]> = []
    private var added: [[UInt8]: [UInt8]] = [:]
    private var isIncremental = false

    /// So many records are written between two turns of others (ADR 11).
    private static let turn = 32

    /// Reads the messages of a whole transfer, whose answer sections `TransferReader` has gone over already.
    init(_ zone: Name, _ messages: [[UInt8]], known: UInt32?) throws {
        self.zone = zone
        var reader = TransferReader(zone, known: known)
        var number = 0
        do {
            for message in messages {
                var records = try MessageView(message.span).records()
                while let record = try records.next(), record.section == .answer {
                    number += 1
                    giveWay(before: number, every: Self.turn)
                    let effect = try reader.take(record)
                    if effect != .none, Self.isWanted(record.type) { try take(record, effect, reader.isIncremental) }
                }
            }
        } catch is WireError {
            throw DownloadProblem.transfer("a record in it cannot be read")
        }
        isIncremental = reader.isIncremental
    }

    /// Whether records of a type make rules: neither what names the zone's servers, nor what signs it.
    private static func isWanted(_ type: RecordType) -> Bool {
        switch type {
        case .soa, .ns, .ds, .rrsig, .nsec, .dnskey, .nsec3, .nsec3param: false
        // CDS, CDNSKEY, ZONEMD, and the private type that BIND signs with.
        case RecordType(rawValue: 59), RecordType(rawValue: 60), RecordType(rawValue: 63), RecordType(rawValue: 65534): false
        default: true
        }
    }

    private mutating func take(
        _ record: borrowing RecordView, _ effect: TransferReader.Effect, _ isIncremental: Bool
    ) throws(WireError) {
        let data = try ResourceRecord(record)
        guard data.class == .internet else { return }
        let (owner, rest) = ("\(data.owner.lowercased)", "IN\t\(data.type)\t\(data.data)\n")
        let line = Array("\(owner)\t\(data.ttl)\t\(rest)".utf8)
        guard isIncremental else {
            bytes += line
            return
        }
        let key = Array("\(owner)\t\(rest)".utf8)
        if effect == .add {
            added[key] = line
        } else if added.removeValue(forKey: key) == nil {
            removed.insert(key)
        }
    }

    /// The whole text: of an incremental transfer from the one that is kept, which must have every line that is no more.
    consuming func text(after former: () throws -> [UInt8]?) throws -> [UInt8] {
        let head = Array("$ORIGIN \(zone)\n".utf8)
        guard isIncremental else { return head + bytes }
        var text: [UInt8] = []
        var line: [UInt8] = []
        var found = 0
        var number = 0
        while let piece = try former() {
            for byte in piece {
                line.append(byte)
                guard byte == 0x0A else { continue }
                number += 1
                giveWay(before: number, every: Self.turn)
                let key = Self.key(of: line)
                if removed.contains(key) {
                    found += 1
                } else if added[key] == nil {
                    text += line
                }
                line.removeAll(keepingCapacity: true)
            }
        }
        guard found == removed.count, line.isEmpty else { throw DownloadProblem.misfit }
        for line in added.values { text += line }
        return text
    }

    /// A line without its TTL.
    private static func key(of line: [UInt8]) -> [UInt8] {
        guard let first = line.firstIndex(of: 0x09), let second = line[(first + 1)...].firstIndex(of: 0x09) else { return line }
        return Array(line[...first]) + line[(second + 1)...]
    }
}
