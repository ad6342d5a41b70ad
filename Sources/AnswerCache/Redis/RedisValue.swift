internal import DNSWire

/// An answer as it stands in Redis:
///
///     4  "VIR1"
///     8  when it came, milliseconds since 1970
///     8  when its time is over, likewise
///     1  over which transport it came; 1  security status
///     1  the length of its upstream's name; 2  the length of the message
///     …  the upstream's name; the message, question in lower case, TTLs as they were when it came
///     8  FNV-1a of all that
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
        /// The message, its TTLs counted down.
        case answer([UInt8])
        /// Its time is over.
        case expired
        /// It is none of ours, it is damaged, or it answers another question.
        case invalid
    }

    /// What stands at the head.
    private static let magic: [UInt8] = Array("VIR1".utf8)
    private static let headLength = 25
    private static let checksumLength = 8
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
        Self.append(checksum, to: &bytes)
        self.bytes = bytes
    }

    /// Reads a value that stood under a key. Nothing in it is believed before it is checked.
    static func read(_ bytes: [UInt8], _ key: borrowing CacheKey, at now: Int64) -> Reading {
        let span = bytes.span
        let end = span.count - checksumLength
        guard end > headLength, bytes.starts(with: magic), number(span, at: end) == checksum(span.extracting(first: end)) else {
            return .invalid
        }
        let storedAt = Int64(bitPattern: number(span, at: 4))
        let expiresAt = Int64(bitPattern: number(span, at: 12))
        let start = headLength + Int(span[22])
        let length = Int(span[23]) << 8 | Int(span[24])
        guard AnswerTransport(rawValue: span[20]) != nil, SecurityStatus(rawValue: span[21]) != nil, start + length == end,
            storedAt >= 0, expiresAt >= storedAt, expiresAt - storedAt <= Int64(TTLLimits.largest) * 1_000,
            storedAt <= now + clockTolerance
        else { return .invalid }
        guard expiresAt > now else { return .expired }
        var message = Array(bytes[start..<end])
        let reading = ReplyReading(message.span, to: key)
        switch reading.kind {
        case .positive, .negative: break
        case .failure, .notKept: return .invalid
        }
        let age = UInt32(clamping: max(0, now - storedAt) / 1_000)
        guard countDown(&message, by: age) else { return .expired }
        return .answer(message)
    }

    /// Where a value came from and when, for who looks at it; nil for one that is damaged.
    package static func inspect(_ bytes: [UInt8]) -> (origin: Origin, storedAt: Int64)? {
        let span = bytes.span
        let end = span.count - checksumLength
        guard end > headLength, bytes.starts(with: magic), number(span, at: end) == checksum(span.extracting(first: end)),
            let transport = AnswerTransport(rawValue: span[20]), let security = SecurityStatus(rawValue: span[21]),
            headLength + Int(span[22]) <= end
        else { return nil }
        let upstream = String(decoding: bytes[headLength..<headLength + Int(span[22])], as: UTF8.self)
        let origin = Origin(upstream: upstream, transport: transport, security: security)
        return (origin, Int64(bitPattern: number(span, at: 4)))
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
        let start = MessageView.headerLength + key.name.count + 4
        let records = writer.records
        guard lifetime > 0, start + records.count <= 65_535 else { return nil }
        var bytes = [UInt8](capacity: start + records.count) { output in
            output.append(repeating: 0, count: start)
            for index in records.indices { output.append(records[index]) }
        }
        var span = bytes.mutableSpan
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
        let name = key.name.span
        for index in name.indices { span[MessageView.headerLength + index] = name[index] }
        span.storeUInt16(key.type.rawValue, at: start - 4)
        span.storeUInt16(key.class.rawValue, at: start - 2)
        return (bytes, lifetime)
    }

    /// Takes an age off all TTLs; false when one is used up.
    private static func countDown(_ message: inout [UInt8], by age: UInt32) -> Bool {
        guard age > 0 else { return true }
        var places: [(offset: Int, ttl: UInt32)] = []
        do throws(WireError) {
            var records = try MessageView(message.span).records()
            while let record = try records.next() {
                guard record.type != .opt else { continue }
                guard record.ttl > age else { return false }
                places.append((record.ttlOffset, record.ttl - age))
            }
        } catch {
            return false
        }
        for place in places {
            for byte in 0..<4 { message[place.offset + byte] = UInt8(truncatingIfNeeded: place.ttl >> UInt32(24 - 8 * byte)) }
        }
        return true
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func number(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        var number: UInt64 = 0
        for index in offset..<offset + 8 { number = number << 8 | UInt64(bytes[index]) }
        return number
    }

    /// FNV-1a: against damage, not against malice.
    private static func checksum(_ bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
