import Belief
import DNSWire

@testable import AnswerCache

/// What comes back from Redis and from disk may have been written by anybody.
enum CacheTargets {
    private static let now: Int64 = 1_700_000_000_000

    /// A value of Redis, as it is and with a right checksum: an answer to the key it stands under, or none.
    static func redisValue(_ bytes: [UInt8]) {
        var checksum = Checksum()
        checksum.add(bytes.span)
        let sealed = bytes + (0..<4).map { UInt8(truncatingIfNeeded: checksum.value >> UInt32(24 - 8 * $0)) }
        for value in [bytes, sealed] {
            guard let head = RedisValue.Head(value.span, at: now), let view = try? MessageView(Array(value[head.message]).span),
                let question = try? view.question()
            else { continue }
            let parts = RedisKey.Parts(
                name: Name(question.name).lowercased, type: question.type, class: question.class,
                flags: KeyFlags(dnssecOK: false, checkingDisabled: false))
            if let entry = RedisValue.inspect(value, parts, at: now) {
                promise((try? Message(entry.message.span)) != nil || !entry.message.isEmpty, "an entry has a message")
                promise(entry.origin.upstream.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a terminal shows it")
            }
            let key = CacheKey(FixedName(question.name), question.type, question.class, flags: parts.flags, seed: 1)
            guard case .answer(let answer, _) = RedisValue.read(value, key, Belief.Rules(seed: 1), at: now) else { continue }
            promise(answer.notKept == nil && answer.lifetimeSeconds <= 86_400, "it may be kept, within bounds")
            promise((try? Message(answer.message(to: key.asked).span)) != nil, "it can be read")
        }
    }

    /// Keys, flushes and what instances say of them.
    static func redisText(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let parts = RedisKey.parse(bytes) {
            let key = CacheKey(FixedName(parts.name), parts.type, parts.class, flags: parts.flags, seed: 1)
            promise(parts.view != 0 || RedisKey.parse(RedisKey.text(for: key)) == parts, "a key is written as it was read")
        }
        if let message = FlushMessage(bytes) {
            promise(FlushMessage(Array(message.text.utf8)) == message, "a flush is published as it was read")
        }
        _ = FlushMessage.acknowledgement(text)
        _ = UpstreamMatch(text)
        _ = AddressPrefix(text)
        if let pattern = NamePattern(text) { _ = pattern.matches(FixedName(Name("www.example.com") ?? .root)) }
    }

    /// Where a cache of its own for each input would cost most of the time.
    private static let cache: MemoryCache? = try? MemoryCache(sizeBytes: 4 << 20, seed: 1)

    /// A snapshot: as it is, or made of its parts with right checksums around them. What is loaded can be written again.
    static func snapshot(_ bytes: [UInt8]) {
        guard let cache else { return promise(false, "there is memory for a cache") }
        for file in [bytes, framed(bytes)] {
            let moment = SnapshotMoment(wallSeconds: 1_800_000_000, boot: BootSeconds(rawValue: 1000))
            let reader = SnapshotReader(into: cache, at: moment) { Array(file.dropFirst($0).prefix($1)) }
            guard let parts = try? reader.parts(2, upstream: { $0.isEmpty ? nil : 1 }) else { continue }
            let outcome = parts.compactMap { try? $0.load() }.reduce(SnapshotReader.Outcome(), +)
            promise(outcome.loaded <= file.count, "an entry takes bytes")
            guard outcome.loaded > 0 else { continue }
            var writer = SnapshotWriter(cache, at: moment, upstreams: [1: "192.0.2.1:53"])
            while writer.nextPiece() != nil {}
        }
        _ = try? cache.removeAll()
    }

    /// A file of two blocks: the length of the first, and how many entries the second has, stand before them.
    private static func framed(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > 2 else { return bytes }
        let rest = bytes.dropFirst(2)
        let first = Array(rest.prefix(Int(bytes[0])))
        let second = Array(rest.dropFirst(Int(bytes[0])))
        var file = SnapshotFormat.magic
        file.append(SnapshotFormat.version)
        file += SnapshotFormat.block(first, count: 0) + SnapshotFormat.block(second, count: Int(bytes[1]))
        return file + SnapshotFormat.block([], count: Int(bytes[1]))
    }
}
