/// Where names stand in the rdata of the types whose names may come compressed: some fixed bytes, then character
/// strings, then names, then the rest. Types without a layout are copied byte for byte (RFC 3597 3).
package struct RDataLayout: Hashable, Sendable {
    /// How many bytes stand before all else.
    package let fixedBytes: Int
    /// How many character strings follow.
    package let characterStrings: Int
    /// How many names follow.
    package let names: Int
    /// Whether these names may be compressed in what we send: only the types of RFC 1035 (RFC 3597 4).
    package let mayCompress: Bool

    /// Puts a layout together.
    private init(fixed: Int = 0, strings: Int = 0, names: Int, compress: Bool = false) {
        fixedBytes = fixed
        characterStrings = strings
        self.names = names
        mayCompress = compress
    }

    /// The layout of a type, or nil when its rdata holds no name that a receiver must expand.
    package init?(_ type: RecordType) {
        switch type {
        case .ns, .md, .mf, .cname, .mb, .mg, .mr, .ptr: self.init(names: 1, compress: true)
        case .soa, .minfo: self.init(names: 2, compress: true)
        case .mx: self.init(fixed: 2, names: 1, compress: true)
        case .dname, .nxt: self.init(names: 1)
        case .rp: self.init(names: 2)
        case .afsdb, .rt, .kx: self.init(fixed: 2, names: 1)
        case .px: self.init(fixed: 2, names: 2)
        case .srv: self.init(fixed: 6, names: 1)
        case .sig: self.init(fixed: 18, names: 1)
        case .naptr: self.init(fixed: 4, strings: 3, names: 1)
        default: return nil
        }
    }

    /// Where the names of a record's rdata start in its message.
    func namesOffset(in record: borrowing RecordView) throws(WireError) -> Int {
        var position = record.rdataOffset + fixedBytes
        for _ in 0..<characterStrings {
            guard position < record.endOffset else { throw .badRData }
            position += 1 + Int(record.message[position])
        }
        guard position < record.endOffset else { throw .badRData }
        return position
    }
}
