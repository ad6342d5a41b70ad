internal import DNSWire
internal import GreenRedis

/// An answer as it stands in Redis:
///
///     4  "VIR1"
///     8  when it came, milliseconds since 1970
///     8  when its time is over, likewise
///     1  over which transport it came; 1  security status
///     1  the length of its upstream's name; 2  the length of the message
///     …  the upstream's name; the message, question in lower case, TTLs as they were when it came
///     4  CRC-32C of all that
package struct RedisValue {
    /// Where an answer came from, in a form that other machines understand.
    package struct Origin: Hashable, Sendable {
        /// The upstream, as the configuration writes it; at most 255 bytes of it are kept.
        package var upstream: String
        /// Over which transport.
        package var transport: AnswerTransport
        /// What is known about its signatures.
        package var security: SecurityStatus

        /// An origin.
        package init(upstream: String, transport: AnswerTransport, security: SecurityStatus = .unchecked) {
            self.upstream = upstream
            self.transport = transport
            self.security = security
        }
    }

    /// What reading came to.
    enum Reading: Equatable {
        /// The message, its TTLs counted down, and what stood before it in the value.
        case answer([UInt8], isNegative: Bool, Head)
        /// Its time is over.
        case expired
        /// It is none of ours, it is damaged, or it answers another question.
        case invalid
    }

    /// What stands at the head.
    private static let magic: [UInt8] = Array("VIR1".utf8)
    private static let headLength = 25
    private static let checksumLength = 4
    /// No value is longer.
    static let largest = headLength + 255 + 65_535 + checksumLength
    /// A clock that is so far ahead of this one is taken for right, milliseconds.
    private static let clockTolerance: Int64 = 10_000

    /// When it came, milliseconds since 1970.
    let storedAt: Int64
    /// When its time is over.
    let expiresAt: Int64
    /// All of it.
    let bytes: [UInt8]

    /// Writes a reply that is one to keep; nil for any other.
    init?(_ key: borrowing CacheKey, reply: [UInt8], origin: Origin, limits: TTLLimits, at now: Int64) {
        guard let (message, lifetime) = Self.message(key, reply, limits) else { return nil }
        storedAt = now
        expiresAt = now + Int64(lifetime) * 1_000
        let upstream = Array(origin.upstream.utf8.prefix(255))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headLength + upstream.count + message.count + Self.checksumLength)
        bytes += Self.magic
        Self.append(UInt64(bitPattern: storedAt), to: &bytes)
        Self.append(UInt64(bitPattern: expiresAt), to: &bytes)
        bytes += [origin.transport.rawValue, origin.security.rawValue, UInt8(upstream.count)]
        bytes += [UInt8(message.count >> 8), UInt8(message.count & 0xFF)]
        bytes += upstream
        bytes += message
        let checksum = Self.checksum(bytes.span)
        for shift in stride(from: UInt32(24), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: checksum >> shift)) }
        self.bytes = bytes
    }

    /// The command that reads a value; empty where there is none. GET would give all of what somebody else put there, and a
    /// reply beyond the connection's limits ends it for all who wait.
    static func command(for key: [UInt8]) -> [RedisArgument] { ["GETRANGE", RedisArgument(key), "0", readEnd] }

    private static let readEnd = RedisArgument(largest)

    /// Reads a value that stood under a key. Nothing in it is believed before it is checked.
    static func read(_ bytes: [UInt8], _ key: borrowing CacheKey, at now: Int64) -> Reading {
        guard let head = Head(bytes.span, at: now) else { return .invalid }
        guard head.expiresAt > now else { return .expired }
        var message = Array(bytes[head.message])
        guard let isNegative = isNegative(message, key) else { return .invalid }
        guard countDown(&message, by: head.age(at: now)) else { return .expired }
        return .answer(message, isNegative: isNegative, head)
    }

    /// Reads a value for who wants to look at it, its time over or not; nil for one that is no answer.
    static func inspect(_ bytes: [UInt8], _ parts: RedisKey.Parts, at now: Int64) -> RedisEntry? {
        let key = CacheKey(FixedName(parts.name), parts.type, parts.class, flags: parts.flags, seed: 0)
        guard let head = Head(bytes.span, at: now) else { return nil }
        var message = Array(bytes[head.message])
        guard let isNegative = isNegative(message, key) else { return nil }
        _ = countDown(&message, by: head.age(at: now))
        let upstream = bytes[head.upstream]
        // Whoever writes to Redis could send a terminal more than an address.
        let isPlain = upstream.allSatisfy { (0x21...0x7E).contains($0) }
        let origin = Origin(
            upstream: isPlain ? String(decoding: upstream, as: UTF8.self) : "", transport: head.transport, security: head.security
        )
        return RedisEntry(
            parts: parts, origin: origin, isNegative: isNegative, isExpired: head.expiresAt <= now,
            ageSeconds: head.age(at: now), lifetimeSeconds: UInt32((head.expiresAt - head.storedAt) / 1_000), message: message,
            byteCount: bytes.count)
    }

    /// What stands before the message, checked, and where the rest stands.
    struct Head: Equatable {
        /// When the answer came, milliseconds since 1970.
        let storedAt: Int64
        /// When its time is over.
        let expiresAt: Int64
        /// Over which transport it came.
        let transport: AnswerTransport
        /// What is known about its signatures.
        let security: SecurityStatus
        /// Where the upstream's name stands.
        let upstream: Range<Int>
        /// Where the message stands.
        let message: Range<Int>

        /// Reads a value's head; nil where anything is not as it should be.
        init?(_ bytes: Span<UInt8>, at now: Int64) {
            let end = bytes.count - checksumLength
            guard end > headLength, bytes[0] == magic[0], bytes[1] == magic[1], bytes[2] == magic[2], bytes[3] == magic[3],
                bytes.loadUInt32(at: end) == checksum(bytes.extracting(first: end)),
                let transport = AnswerTransport(rawValue: bytes[20]), let security = SecurityStatus(rawValue: bytes[21])
            else { return nil }
            self.transport = transport
            self.security = security
            storedAt = Int64(bitPattern: number(bytes, at: 4))
            expiresAt = Int64(bitPattern: number(bytes, at: 12))
            let start = headLength + Int(bytes[22])
            guard start + (Int(bytes[23]) << 8 | Int(bytes[24])) == end, storedAt >= 0, expiresAt >= storedAt,
                expiresAt - storedAt <= Int64(TTLLimits.largest) * 1_000, storedAt <= now + clockTolerance
            else { return nil }
            upstream = headLength..<start
            message = start..<end
        }

        /// How old the answer is, in seconds.
        func age(at now: Int64) -> UInt32 { UInt32(clamping: max(0, now - storedAt) / 1_000) }
    }

    /// What kind of answer a message is to a question; nil for one that is none to keep.
    private static func isNegative(_ message: [UInt8], _ key: borrowing CacheKey) -> Bool? {
        switch ReplyReading(message.span, to: key).kind {
        case .positive: false
        case .negative: true
        case .failure, .notKept: nil
        }
    }

    // MARK: - Parts

    /// The reply as it is kept, and for how many seconds; nil where it is not to be.
    private static func message(
        _ key: borrowing CacheKey, _ reply: [UInt8], _ limits: TTLLimits
    ) -> (bytes: [UInt8], lifetime: UInt32)? {
        let reading = ReplyReading(reply.span, to: key)
        var isNegative = false
        switch reading.kind {
        case .positive: break
        case .negative: isNegative = true
        case .failure, .notKept: return nil
        }
        guard let writer = try? RecordsWriter(reply, to: key, reading, limits) else { return nil }
        let lifetime = isNegative ? min(writer.smallestTTL, limits.negativeSeconds) : writer.smallestTTL
        let start = MessageView.headerLength + key.wireName.count + 4
        let records = writer.records
        guard lifetime > 0, start + records.count <= 65_535 else { return nil }
        var bytes = [UInt8](repeating: 0, count: start + records.count)
        var span = bytes.mutableSpan
        span.copy(records, to: start)
        var flags = HeaderFlags()
        flags.isResponse = true
        flags.isAuthoritative = reading.flags.isAuthoritative
        flags.recursionDesired = true
        flags.recursionAvailable = true
        flags.authenticData = reading.flags.authenticData
        flags.checkingDisabled = key.flags.checkingDisabled
        flags.responseCode = reading.responseCode
        MessagePatch.setFlags(flags, in: &span)
        MessagePatch.setQuestionCount(1, in: &span)
        MessagePatch.setRecordCount(writer.counts.answers, of: .answer, in: &span)
        MessagePatch.setRecordCount(writer.counts.authorities, of: .authority, in: &span)
        MessagePatch.setRecordCount(writer.counts.additionals, of: .additional, in: &span)
        span.copy(key.wireName.span, to: MessageView.headerLength)
        span.storeUInt16(key.type.rawValue, at: start - 4)
        span.storeUInt16(key.class.rawValue, at: start - 2)
        return (bytes, lifetime)
    }

    /// Takes an age off all TTLs; false when one is used up.
    private static func countDown(_ message: inout [UInt8], by age: UInt32) -> Bool {
        guard age > 0 else { return true }
        var places: [(offset: Int, ttl: UInt32)] = []
        var isLeft = true
        do throws(WireError) {
            var records = try MessageView(message.span).records()
            while let record = try records.next() {
                guard record.type != .opt else { continue }
                isLeft = isLeft && record.ttl > age
                places.append((record.ttlOffset, record.ttl > age ? record.ttl - age : 0))
            }
        } catch {
            return false
        }
        for place in places {
            for byte in 0..<4 { message[place.offset + byte] = UInt8(truncatingIfNeeded: place.ttl >> UInt32(24 - 8 * byte)) }
        }
        return isLeft
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func number(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in offset..<offset + 8 { number = number << 8 | UInt64(bytes[index]) }
        return number
    }

    /// CRC-32C: against damage, not against malice.
    private static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        var checksum = Checksum()
        checksum.add(bytes)
        return checksum.value
    }
}
