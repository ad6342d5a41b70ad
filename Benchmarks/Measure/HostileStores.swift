internal import AnswerCache
internal import Belief
internal import DNSWire

/// What somebody else may have put where answers are kept: entries of a snapshot, values of Redis.
enum HostileStores {
    /// When all of it was written, by the wall clock.
    private static let written: Int64 = 1_800_000_000

    /// A snapshot with a reply as its only entry, or with as many of the smallest entries as a block holds.
    static func snapshot(of reply: HostileReplies.Reply) -> [UInt8] {
        let name = reply.asked.name
        let start = 12 + name.count + 4
        // More records than the header's twelve bits can count make the entry wrong, once it has been read so far.
        let answers = min(Int(reply.bytes[6]) << 8 | Int(reply.bytes[7]), 4095)
        let entry = entry(name, reply.asked.type, answers: answers, Array(reply.bytes[start...]))
        return whole(entry, count: 1)
    }

    /// A snapshot of the smallest entries, whose names differ.
    static var smallEntries: [UInt8] {
        let count = 20_000
        var entries: [UInt8] = []
        for number in 0..<count {
            let letters = [UInt8(97 + number % 26), UInt8(97 + number / 26 % 26)]
            entries += entry([2] + letters + [0], RecordType(rawValue: UInt16(256 + number)), answers: 0, [])
        }
        return whole(entries, count: count)
    }

    /// The bytes of an entry with an answer section alone.
    private static func entry(_ name: [UInt8], _ type: RecordType, answers: Int, _ records: [UInt8]) -> [UInt8] {
        var bytes = little(records.count, 2)
        bytes += [UInt8(name.count), 0]
        for number in [Int(type.rawValue), 1, 0, 1, 0, 0] { bytes += little(number, 2) }
        bytes += little(answers << 20, 4)
        bytes += little(300, 4)
        bytes += little(Int(written) - 10, 8)
        return bytes + name + records
    }

    /// A whole snapshot around a block of entries.
    private static func whole(_ entries: [UInt8], count: Int) -> [UInt8] {
        let origin = little(Int(written), 8) + little(0, 8)
        let blocks = [(origin, 0), (entries, count), ([], count)].map { SnapshotFormat.block($0, count: $1) }
        return SnapshotFormat.magic + little(Int(SnapshotFormat.version), 4) + blocks.joined()
    }

    /// A number, little end first.
    private static func little(_ number: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Reads a snapshot into a cache, as the daemon does at its start.
    static func load(_ bytes: [UInt8], into cache: MemoryCache) {
        let moment = SnapshotMoment(wallSeconds: written, boot: BootSeconds(rawValue: 1000))
        let reader = SnapshotReader(into: cache, at: moment) { Array(bytes.dropFirst($0).prefix($1)) }
        guard let parts = try? reader.parts(1, upstream: { _ in 1 }), (try? parts[0].load()) != nil else {
            Measure.leave("Measure: no snapshot")
        }
    }

    /// A value in Redis with a reply in it, ten seconds old.
    static func value(of reply: HostileReplies.Reply) -> [UInt8] {
        let stored = written * 1_000
        return RedisValue.bytes(
            around: reply.bytes, origin: RedisValue.Origin(upstream: "192.0.2.1:53", transport: .udp), storedAt: stored,
            expiresAt: stored + 300_000)
    }

    /// Reads a value, as a flight does.
    static func read(_ value: [UInt8], to asked: Asked) {
        guard let name = try? NameView(asked.name.span, at: 0) else { return }
        let key = CacheKey(FixedName(name), asked.type, asked.class, flags: asked.flags, seed: 7)
        _ = RedisValue.read(value, key, Belief.Rules(seed: 7), at: written * 1_000 + 10_000)
    }
}
