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
        var numbers = SystemRandomNumberGenerator()
        var head = BucketHead()
        var hashes: [UInt32] = []
        for step in 0..<20_000 {
            // In turns many and few, so that counters reach their end and buckets become empty.
            let wanted = step / 50 % 2 == 0 ? 12 : 0
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
}
