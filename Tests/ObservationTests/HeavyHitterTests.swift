import Testing

@testable import Observation

/// The sketch of what comes most often.
@Suite struct HeavyHitterTests {
    @Test func `what makes up more than its share is there, however much else there is, and never with too small a count`() {
        var sketch = HeavyHitters<Int>(size: 64)
        var real: [Int: UInt64] = [:]
        var state: UInt64 = 1
        for _ in 0..<50_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let random = Int(truncatingIfNeeded: state >> 33)
            // Four often, all others as good as never.
            let key = random % 10 < 4 ? random % 10 : 100 + random % 1_000_000
            real[key, default: 0] += 1
            sketch.add(key)
        }
        let most = sketch.most(4)
        #expect(Set(most.map(\.key)) == [0, 1, 2, 3])
        for hitter in most {
            #expect(hitter.count >= real[hitter.key]! && hitter.count - hitter.error <= real[hitter.key]!)
        }
        #expect(sketch.most(1_000).count == 64)
    }

    @Test func `two sketches are shown as one, the most frequent first`() {
        var (one, other) = (HeavyHitters<String>(size: 4), HeavyHitters<String>(size: 4))
        for (name, count) in [("a", 3), ("b", 5)] as [(String, UInt64)] { one.add(name, count) }
        for (name, count) in [("a", 4), ("c", 1)] as [(String, UInt64)] { other.add(name, count) }
        #expect(one.most(2, with: other).map { "\($0.key)\($0.count)" } == ["a7", "b5"])
        #expect(one.most(-1).isEmpty)
    }

    @Test func `what is for the greater part another's is not shown, and what is shown came so often for certain`() {
        var sketch = HeavyHitters<Int>(size: 8)
        for number in 0..<1_000 {
            sketch.add(number)
            if number.isMultiple(of: 2) { sketch.add(-1) }
        }
        let sure = sketch.surest(8)
        #expect(sure.map(\.key) == [-1] && sure[0].certain <= 500 && sure[0].certain > 250)
    }
}
