package import Belief
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
    package enum Reading {
        /// What the message comes to, its TTLs counted down, and what stood before it in the value.
        case answer(Answer, Head)
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

    /// Writes an answer that is one to keep; nil for any other.
    init?(_ key: borrowing CacheKey, _ answer: Answer, origin: Origin, at now: Int64) {
        guard answer.notKept == nil else { return nil }
        let message = answer.message(to: key.asked)
        guard message.count <= 65_535 else { return nil }
        storedAt = now
        expiresAt = now + Int64(answer.lifetimeSeconds) * 1_000
        bytes = Self.bytes(around: message, origin: origin, storedAt: storedAt, expiresAt: expiresAt)
    }

    /// A message of at most 65,535 bytes with all that stands before and behind it.
    package static func bytes(around message: [UInt8], origin: Origin, storedAt: Int64, expiresAt: Int64) -> [UInt8] {
        let upstream = Array(origin.upstream.utf8.prefix(255))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headLength + upstream.count + message.count + checksumLength)
        bytes += magic
        append(UInt64(bitPattern: storedAt), to: &bytes)
        append(UInt64(bitPattern: expiresAt), to: &bytes)
        bytes += [origin.transport.rawValue, origin.security.rawValue, UInt8(upstream.count)]
        bytes += [UInt8(truncatingIfNeeded: message.count >> 8), UInt8(message.count & 0xFF)]
        bytes += upstream
        bytes += message
        let checksum = checksum(bytes.span)
        for shift in stride(from: UInt32(24), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: checksum >> shift)) }
        return bytes
    }

    /// The command that reads a value; empty where there is none. GET would give all of what somebody else put there, and a
    /// reply beyond the connection's limits ends it for all who wait.
    static func command(for key: [UInt8]) -> [RedisArgument] { ["GETRANGE", RedisArgument(key), "0", readEnd] }

    private static let readEnd = RedisArgument(largest)

    /// Reads a value that stood under a key. Nothing in it is believed before it is checked, and then no more than of an
    /// upstream's reply; `rules` are those for a new answer.
    package static func read(_ bytes: [UInt8], _ key: borrowing CacheKey, _ rules: Belief.Rules, at now: Int64) -> Reading {
        guard let head = Head(bytes.span, at: now) else { return .invalid }
        guard head.expiresAt > now else { return .expired }
        let age = head.age(at: now)
        var message = Array(bytes[head.message])
        switch countDown(&message, by: age) {
        case nil: return .invalid
        case false?: return .expired
        case true?: break
        }
        var rules = rules
        rules.limits = rules.limits.forAnswer(ageSeconds: age)
        rules.trustsAD = true
        guard case .answer(let answer) = Belief.read(message, to: key.asked, rules) else { return .invalid }
        guard answer.notKept == nil else { return answer.notKept == .zeroTTL ? .expired : .invalid }
        return .answer(answer, head)
    }

    /// Reads a value for who wants to look at it, its time over or not; nil for one that is no answer.
    static func inspect(_ bytes: [UInt8], _ parts: RedisKey.Parts, at now: Int64) -> RedisEntry? {
        let key = CacheKey(FixedName(parts.name), parts.type, parts.class, flags: parts.flags, seed: 0)
        guard let head = Head(bytes.span, at: now) else { return nil }
        var message = Array(bytes[head.message])
        var rules = Belief.Rules(limits: TTLLimits(maximumSeconds: TTLLimits.largest), seed: 0)
        rules.isMinimal = false
        guard case .answer(let answer) = Belief.read(message, to: key.asked, rules), answer.notKept == nil else { return nil }
        let isNegative = answer.isNegative
        guard countDown(&message, by: head.age(at: now)) != nil else { return nil }
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
    package struct Head: Equatable {
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

    // MARK: - Parts

    /// Takes an age off all TTLs; false when one is used up, nil where the message cannot be read.
    private static func countDown(_ message: inout [UInt8], by age: UInt32) -> Bool? {
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
            return nil
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
