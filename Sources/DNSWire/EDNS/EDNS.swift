/// What an OPT record says (RFC 6891 6.1), with its options: the general form for tests, tools and upstreams' answers.
/// The path of a hit has `EDNSSummary` to read and `OPTReply` to write.
public struct EDNS: Hashable, Sendable {
    /// The largest UDP payload the sender takes.
    public var udpPayloadSize: UInt16
    /// The high eight bits of the rcode.
    public var extendedHigh: UInt8
    /// The EDNS version.
    public var version: UInt8
    /// DO and fifteen bits that are to be zero.
    public var flags: UInt16
    /// The options, in their order.
    public var options: [EDNSOption]

    /// Puts the fields together.
    public init(udpPayloadSize: UInt16 = 1232, dnssecOK: Bool = false, options: [EDNSOption] = []) {
        self.udpPayloadSize = udpPayloadSize
        extendedHigh = 0
        version = 0
        flags = dnssecOK ? 0x8000 : 0
        self.options = options
    }

    /// DO: the sender wants DNSSEC records (RFC 3225).
    public var dnssecOK: Bool {
        get { flags & 0x8000 != 0 }
        set { flags = newValue ? flags | 0x8000 : flags & 0x7FFF }
    }

    /// The first extended error, if there is one.
    public var extendedError: (code: ExtendedErrorCode, text: String)? {
        for option in options {
            if let error = option.extendedError { return error }
        }
        return nil
    }

    /// Reads an OPT record: its owner must be the root and its options must fill it exactly.
    public init(_ record: borrowing RecordView) throws(WireError) {
        guard record.type == .opt, record.owner.isRoot, record.owner.isUncompressed else { throw .badMessage }
        udpPayloadSize = record.class.rawValue
        extendedHigh = UInt8(truncatingIfNeeded: record.ttl >> 24)
        version = UInt8(truncatingIfNeeded: record.ttl >> 16)
        flags = UInt16(truncatingIfNeeded: record.ttl)
        options = []
        var reader = RDataReader(record)
        while !reader.isAtEnd {
            let code = EDNSOptionCode(rawValue: try reader.uint16())
            options.append(EDNSOption(code, try reader.bytes(Int(try reader.uint16()))))
        }
    }
}

extension EDNS: CustomStringConvertible {
    /// The record as dig prints it.
    public var description: String {
        let head = "; EDNS: version: \(version), flags:\(dnssecOK ? " do" : ""); udp: \(udpPayloadSize)"
        return ([head] + options.map { "; \($0)" }).joined(separator: "\n")
    }
}
