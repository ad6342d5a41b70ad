import DNSWire
import TestSupport
import Testing

@testable import AnswerCache

@Suite struct `Bucket heads` {
    /// A hash of one of the sixteen kinds that a head tells apart.
    private func hash(_ kind: UInt32, _ rest: UInt32 = 0) -> UInt32 { kind << 28 | rest }

    @Test func `a head knows of which kinds there is no entry`() {
        var head = BucketHead()
        #expect((0..<16).allSatisfy { !head.mayHold(hash($0)) })
        head.add(7, hash(3, 99))
        #expect(head.first == 7)
        #expect((0..<16).filter { head.mayHold(hash($0, 1)) } == [3])
        head.add(8, hash(15))
        head.remove(hash(3), first: 8)
        #expect((0..<16).filter { head.mayHold(hash($0)) } == [15])
    }

    @Test func `whatever comes and goes, what is there may be there, and an empty bucket holds nothing`() {
        var numbers = SeededNumbers(seed: 20)
        var head = BucketHead()
        var hashes: [UInt32] = []
        for step in 0..<20_000 {
            // In turns many and few, so that counters reach their end and buckets become empty.
            let wanted = step / 50 % 2 == 0 ? 40 : 0
            if hashes.count < wanted {
                hashes.append(.random(in: .min ... .max, using: &numbers))
                head.add(1, hashes.last!)
            } else if let index = hashes.indices.randomElement(using: &numbers) {
                head.remove(hashes.remove(at: index), first: hashes.isEmpty ? 0 : 1)
            }
            #expect(hashes.allSatisfy { head.mayHold($0) })
            if hashes.isEmpty { #expect((0..<16).allSatisfy { !head.mayHold(hash($0)) }) }
        }
    }

    /// A name's wire form, under which entries with all hashes are kept.
    private let name: [UInt8] = [1, 97, 0]

    /// The entry that a shard has for a hash.
    private func find(_ hash: UInt64, in shard: borrowing Shard) -> UInt32? {
        let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        return shard.find(KeyView(name.span, hash: hash, type: .a, view: .general, flags: flags), isFailure: false)
    }

    /// Puts an entry for a hash into a shard: whether there was room.
    private func insert(_ hash: UInt64, into shard: inout Shard) -> Bool {
        var header = EntryHeader()
        header.hash = UInt32(truncatingIfNeeded: hash)
        header.type = RecordType.a.rawValue
        header.nameLength = UInt8(name.count)
        let flags = KeyFlags(dnssecOK: false, checkingDisabled: false)
        let key = KeyView(name.span, hash: hash, type: .a, view: .general, flags: flags)
        let hasRoom = shard.makeRoom(forBlocks: 1, at: BootSeconds(rawValue: 0))
        return hasRoom && shard.insert(key, header, records: Span<UInt8>())
    }

    @Test func `entries whose hashes are nearly alike are found through every split and removal`() throws {
        var shard = try Shard(byteBudget: 1 << 20)
        // One bucket and one counter for the first 40, which differ in bits that only later splits look at.
        let alike: [UInt64] = (0..<40).map { number -> UInt64 in 0x5000_0003 | number << 6 }
        let spread: [UInt64] = (1...400).map { number -> UInt64 in number &* 0x9E37_79B9 }
        let hashes = alike + spread
        var kept = Set<UInt64>()
        for hash in hashes {
            let isIn = insert(hash, into: &shard)
            #expect(isIn)
            kept.insert(hash)
            if kept.count % 20 == 0 {
                let found = hashes.filter { find($0, in: shard) != nil }
                #expect(Set(found) == kept)
            }
        }
        var numbers = SeededNumbers(seed: 21)
        for hash in hashes.shuffled(using: &numbers) {
            let entry = find(hash, in: shard)
            shard.remove(try #require(entry))
            kept.remove(hash)
            if kept.count % 20 == 0 {
                let found = hashes.filter { find($0, in: shard) != nil }
                #expect(Set(found) == kept)
            }
        }
        for bucket in 0..<shard.bucketCount {
            let head = shard.heads[bucket]
            #expect(head.first == 0 && (0..<16).allSatisfy { !head.mayHold(hash($0)) })
        }
    }
}
