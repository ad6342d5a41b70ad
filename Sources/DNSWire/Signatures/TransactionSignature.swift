/// A transaction signature at the end of a message (TSIG, RFC 8945): who signed it, when, and the code that proves it. What is hashed
/// is put together here; who hashes is elsewhere.
package struct TransactionSignature: Sendable, Equatable {
    /// The key's name.
    package var key: Name
    /// The name of the algorithm.
    package var algorithm: Name
    /// When it was signed: seconds since 1970, 48 bits.
    package var time: UInt64
    /// By how many seconds clocks may differ.
    package var fudge: UInt16
    /// The code.
    package var code: [UInt8] = []
    /// The id of the message when it was signed.
    package var originalID: UInt16
    /// What was wrong with the signature that this one answers.
    package var error: UInt16 = 0
    /// More about that.
    package var other: [UInt8] = []

    /// What is wrong with a signature of a request (RFC 8945 3).
    package static let badSignature: UInt16 = 16
    package static let badKey: UInt16 = 17
    package static let badTime: UInt16 = 18

    /// A signature without a code.
    package init(key: Name, algorithm: Name, time: UInt64, fudge: UInt16, originalID: UInt16) {
        (self.key, self.algorithm, self.time, self.fudge) = (key, algorithm, time, fudge)
        self.originalID = originalID
    }

    /// Takes the signature off a message, which stands there as it was signed then; nil where it has none. Throws for one that is
    /// not the last record, of which there are two, or that cannot be read.
    package static func take(off message: inout [UInt8]) throws(WireError) -> TransactionSignature? {
        let found: (signature: TransactionSignature, offset: Int)? = try find(message.span)
        guard let found else { return nil }
        message.removeLast(message.count - found.offset)
        let additional = Int(message[10]) << 8 | Int(message[11])
        set(UInt16(truncatingIfNeeded: additional - 1), at: 10, in: &message)
        set(found.signature.originalID, at: 0, in: &message)
        return found.signature
    }

    private static func find(_ message: Span<UInt8>) throws(WireError) -> (signature: TransactionSignature, offset: Int)? {
        var records = try MessageView(message).records()
        var found: (signature: TransactionSignature, offset: Int)?
        while let record = try records.next() {
            guard found == nil else { throw .badMessage }
            guard record.type == .tsig else { continue }
            guard record.section == .additional, record.class == .any, record.ttl == 0, record.endOffset == message.count else {
                throw .badMessage
            }
            found = (try TransactionSignature(record), record.offset)
        }
        return found
    }

    private init(_ record: borrowing RecordView) throws(WireError) {
        let bytes = record.message
        let end = record.endOffset
        let algorithm = try NameView(bytes, at: record.rdataOffset, limit: end)
        var position = algorithm.endOffset
        guard position + 10 <= end else { throw .truncated }
        let time = UInt64(bytes.loadUInt16(at: position)) << 32 | UInt64(bytes.loadUInt32(at: position + 2))
        let fudge = bytes.loadUInt16(at: position + 6)
        let length = Int(bytes.loadUInt16(at: position + 8))
        position += 10
        guard position + length + 6 <= end else { throw .truncated }
        let code = [UInt8](copying: bytes.extracting(position..<position + length))
        position += length
        let otherLength = Int(bytes.loadUInt16(at: position + 4))
        guard position + 6 + otherLength == end else { throw .badRData }
        self.init(
            key: Name(record.owner), algorithm: Name(algorithm), time: time, fudge: fudge,
            originalID: bytes.loadUInt16(at: position))
        self.code = code
        error = bytes.loadUInt16(at: position + 2)
        other = [UInt8](copying: bytes.extracting(position + 6..<end))
    }

    /// Puts the signature at the end of a message.
    package func append(to message: inout [UInt8]) {
        var data = algorithm.lowercased.wire + timers
        Self.append(UInt16(truncatingIfNeeded: code.count), to: &data)
        data += code
        for number in [originalID, error, UInt16(truncatingIfNeeded: other.count)] { Self.append(number, to: &data) }
        data += other
        message += key.lowercased.wire
        for number in [RecordType.tsig.rawValue, RecordClass.any.rawValue, 0, 0] { Self.append(number, to: &message) }
        Self.append(UInt16(truncatingIfNeeded: data.count), to: &message)
        message += data
        let additional = Int(message[10]) << 8 | Int(message[11])
        Self.set(UInt16(truncatingIfNeeded: additional + 1), at: 10, in: &message)
    }

    /// What is hashed for it: what stands before (the code of the request, or of the message before), the messages without their
    /// signatures, and this one's words; of those the time alone where a message before was signed (RFC 8945 4.3, 5.3.1).
    package func hashed(after former: [UInt8], _ messages: [UInt8], isLater: Bool) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(former.count + messages.count + 600)
        if !former.isEmpty {
            Self.append(UInt16(truncatingIfNeeded: former.count), to: &text)
            text += former
        }
        text += messages
        if isLater { return text + timers }
        text += key.lowercased.wire
        for number in [RecordClass.any.rawValue, 0, 0] { Self.append(number, to: &text) }
        text += algorithm.lowercased.wire + timers
        for number in [error, UInt16(truncatingIfNeeded: other.count)] { Self.append(number, to: &text) }
        return text + other
    }

    /// The time and by how much it may differ.
    private var timers: [UInt8] {
        var bytes = stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: time >> UInt64($0)) }
        Self.append(fudge, to: &bytes)
        return bytes
    }

    private static func append(_ number: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    private static func set(_ number: UInt16, at offset: Int, in bytes: inout [UInt8]) {
        bytes[offset] = UInt8(truncatingIfNeeded: number >> 8)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: number)
    }
}
