/// The form of rdata where an RFC fixes it: lengths, names and strings that fill it exactly. Whoever passes records on checks
/// this first, so that no client has to. Types without a fixed form are bytes, and always good (RFC 3597 3).
package enum RDataForm {
    /// Checks the rdata of a record that was found in a message; throws `.badRData` or `.badName` where it breaks its type's
    /// form. Returns the length of the names that it walked along, which pointers may make longer than the rdata.
    @inline(__always) @discardableResult
    package static func check(_ place: RecordPlace, in message: Span<UInt8>) throws(WireError) -> Int {
        // The two types of nearly all records.
        if place.type == .a, place.rdataLength == 4 { return 0 }
        if place.type == .aaaa, place.rdataLength == 16 { return 0 }
        return try checkOthers(place, in: message)
    }

    /// The types of class IN alone have other forms, or nobody's, in other classes.
    private static func checkOthers(_ place: RecordPlace, in message: Span<UInt8>) throws(WireError) -> Int {
        let isInternet = message.loadUInt16(at: place.ownerEnd + 2) == RecordClass.internet.rawValue
        var reader = FormReader(message, place)
        switch place.type {
        case .a: if isInternet { try reader.skip(exactly: 4) }
        case .aaaa: if isInternet { try reader.skip(exactly: 16) }
        case .srv, .naptr, .svcb, .https: if isInternet { try reader.service(place.type) }
        default:
            if place.type.isSecurityRecord { try reader.security(place.type) } else { try reader.plain(place.type) }
        }
        guard reader.isFree || reader.isAtEnd else { throw .badRData }
        return reader.namesLength
    }
}

extension RecordType {
    /// Whether it is a type of DNSSEC's, or one that holds keys or digests as these do.
    fileprivate var isSecurityRecord: Bool {
        switch self {
        case .ds, .cds, .dnskey, .cdnskey, .rrsig, .nsec, .nsec3, .nsec3param, .tlsa, .smimea, .sshfp, .caa: true
        default: false
        }
    }

    /// An EUI-48 address (RFC 7043 3).
    fileprivate static var eui48: RecordType { RecordType(rawValue: 108) }
    /// An EUI-64 address (RFC 7043 4).
    fileprivate static var eui64: RecordType { RecordType(rawValue: 109) }
}

/// Walks over rdata without copying any of it.
private struct FormReader: ~Escapable {
    /// The whole message.
    private let message: Span<UInt8>
    /// The next byte.
    private var position: Int
    /// The first byte after the rdata.
    private let end: Int
    /// Whether the type's form is nobody's to judge.
    private(set) var isFree = true
    /// The length of all names so far.
    private(set) var namesLength = 0

    /// Starts at a record's rdata.
    @_lifetime(copy message)
    init(_ message: Span<UInt8>, _ place: RecordPlace) {
        self.message = message
        position = place.rdataOffset
        end = place.endOffset
    }

    /// Whether all is read.
    var isAtEnd: Bool { position == end }

    /// Takes bytes whose values do not matter.
    @_lifetime(self: copy self)
    mutating func skip(_ count: Int) throws(WireError) {
        isFree = false
        guard count <= end - position else { throw .badRData }
        position += count
    }

    /// Takes all, which must be so many bytes.
    @_lifetime(self: copy self)
    mutating func skip(exactly count: Int) throws(WireError) {
        guard end - position == count else { throw .badRData }
        try skip(count)
    }

    /// Takes the rest, which must be so many bytes at least.
    @_lifetime(self: copy self)
    private mutating func rest(_ least: Int) throws(WireError) {
        guard end - position >= least else { throw .badRData }
        try skip(end - position)
    }

    /// Takes a character string (RFC 1035 3.3).
    @_lifetime(self: copy self)
    private mutating func string() throws(WireError) {
        guard position < end else { throw .badRData }
        try skip(1 + Int(message[position]))
    }

    /// Takes a name; pointers only where the type's definition allows them (RFC 3597 4).
    @_lifetime(self: copy self)
    private mutating func name(allowingPointers: Bool) throws(WireError) {
        isFree = false
        let name = try NameView(message, at: position, limit: end, allowingPointers: allowingPointers)
        namesLength += name.wireLength
        position = name.endOffset
    }

    /// The types of RFC 1035 and their like; others are free.
    @_lifetime(self: copy self)
    mutating func plain(_ type: RecordType) throws(WireError) {
        switch type {
        case .txt, .spf: repeat { try string() } while !isAtEnd
        case .hinfo:
            try string()
            try string()
        case .soa:
            try name(allowingPointers: true)
            try name(allowingPointers: true)
            try skip(20)
        case .wks: try rest(5)
        case .eui48: try skip(exactly: 6)
        case .eui64: try skip(exactly: 8)
        default:
            guard let layout = RDataLayout(type) else { return }
            try skip(layout.fixedBytes)
            for _ in 0..<layout.names { try name(allowingPointers: true) }
            // A signature or a bitmap follows in these.
            if type == .sig || type == .nxt { try rest(0) }
        }
    }

    /// SRV (RFC 2782), NAPTR (RFC 3403 4.1), SVCB and HTTPS (RFC 9460 2.2).
    @_lifetime(self: copy self)
    mutating func service(_ type: RecordType) throws(WireError) {
        if type == .srv {
            try skip(6)
            return try name(allowingPointers: true)
        }
        if type == .naptr {
            try skip(4)
            for _ in 0..<3 { try string() }
            return try name(allowingPointers: true)
        }
        try skip(2)
        try name(allowingPointers: false)
        var last = -1
        while !isAtEnd {
            guard end - position >= 4 else { throw .badRData }
            let key = Int(message.loadUInt16(at: position))
            let length = Int(message.loadUInt16(at: position + 2))
            guard key > last, length <= end - position - 4 else { throw .badRData }
            last = key
            guard isGoodParameter(key, position + 4..<position + 4 + length) else { throw .badRData }
            try skip(4 + length)
        }
    }

    /// Whether the value of a service parameter has its key's form (RFC 9460 7 and 8); those of other keys are bytes.
    private func isGoodParameter(_ key: Int, _ value: Range<Int>) -> Bool {
        switch key {
        case 0: isAscendingKeys(value)
        case 1: isIdentifiers(value)
        case 2: value.isEmpty
        case 3: value.count == 2
        case 4: !value.isEmpty && value.count % 4 == 0
        case 6: !value.isEmpty && value.count % 16 == 0
        default: true
        }
    }

    /// Whether a value is a list of mandatory keys: at least one, ascending, itself not among them (RFC 9460 8).
    private func isAscendingKeys(_ value: Range<Int>) -> Bool {
        guard !value.isEmpty, value.count % 2 == 0 else { return false }
        var last: UInt16 = 0
        for place in stride(from: value.lowerBound, to: value.upperBound, by: 2) {
            let key = message.loadUInt16(at: place)
            guard key > last else { return false }
            last = key
        }
        return true
    }

    /// Whether a value is a list of protocol identifiers: at least one, none of them empty (RFC 9460 7.1.1).
    private func isIdentifiers(_ value: Range<Int>) -> Bool {
        var place = value.lowerBound
        while place < value.upperBound {
            guard message[place] > 0 else { return false }
            place += 1 + Int(message[place])
        }
        return !value.isEmpty && place == value.upperBound
    }

    /// DNSSEC's records (RFC 4034, RFC 5155), TLSA (RFC 6698 2.1), SSHFP (RFC 4255 3.1), CAA (RFC 8659 4.1).
    @_lifetime(self: copy self)
    mutating func security(_ type: RecordType) throws(WireError) {
        switch type {
        case .rrsig:
            try skip(18)
            try name(allowingPointers: false)
            try rest(1)
        case .nsec:
            try name(allowingPointers: false)
            try typeBitmap()
        case .nsec3:
            try skip(4)
            try string()
            guard position < end, message[position] > 0 else { throw .badRData }
            try string()
            try typeBitmap()
        case .nsec3param:
            try skip(4)
            try string()
        case .caa:
            try skip(1)
            guard position < end, message[position] > 0 else { throw .badRData }
            let tag = position + 1
            try string()
            for place in tag..<position where !RecordData.CAA.isTagByte(message[place]) { throw .badRData }
            try rest(0)
        case .tlsa, .smimea: try rest(4)
        case .sshfp: try rest(3)
        // A digest or a key of at least a byte. RFC 8078 4: a CDS or CDNSKEY that deletes has one byte of zero.
        default: try rest(5)
        }
    }

    /// Takes windows up to the end: ascending, each of 1 to 32 bytes (RFC 4034 4.1.2).
    @_lifetime(self: copy self)
    private mutating func typeBitmap() throws(WireError) {
        var last = -1
        while !isAtEnd {
            guard end - position >= 2 else { throw .badRData }
            let window = Int(message[position])
            let length = Int(message[position + 1])
            guard window > last, (1...32).contains(length) else { throw .badRData }
            last = window
            try skip(2 + length)
        }
    }
}
