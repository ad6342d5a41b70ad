import AnswerCache
import DNSWire
import Foundation
import TestSupport

/// A snapshot as the daemon writes it, made without one.
enum SnapshotFile {
    /// The bytes of a snapshot with `n0.example.` and so on, each with one address that came `age` seconds ago.
    static func bytes(names: Int, ttl: UInt32 = 86_400, age: UInt32 = 0) throws -> [UInt8] {
        let cache = try MemoryCache(sizeBytes: max(4 << 20, names * 200), seed: 1)
        let boot = BootSeconds(rawValue: 1_000_000)
        let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        for number in 0..<names {
            let name = Name("n\(number).example.")!
            var reply = Message(id: 0)
            reply.flags.isResponse = true
            reply.questions = [Question(name, .a, .internet)]
            reply.answers = [try ResourceRecord(text: "\(name) \(ttl) IN A 192.0.2.9")]
            let key = CacheKey(FixedName(name), .a, .internet, flags: flags, seed: cache.seed)
            let provenance = Provenance(upstream: 0, transport: .udp)
            let bytes = try reply.encoded()
            cache.store(key, reply: bytes, from: provenance, at: BootSeconds(rawValue: boot.rawValue - age))
        }
        let moment = SnapshotMoment(wallSeconds: Int64(Date().timeIntervalSince1970), boot: boot)
        var writer = SnapshotWriter(cache, at: moment, upstreams: [:])
        var bytes: [UInt8] = []
        while let piece = writer.nextPiece() { bytes += piece }
        return bytes
    }
}
