import Observation
import Testing

@Suite struct HistogramTests {
    @Test func `a quantile is right to an eighth, whatever was recorded`() throws {
        var random = SystemRandomNumberGenerator()
        for limit in [10, 1_000, 50_000, 20_000_000] as [UInt64] {
            let histogram = LogLinearHistogram()
            var values = (0..<2_000).map { _ in UInt64.random(in: 1...limit, using: &random) }
            for value in values { histogram.record(nanoseconds: value * 1_000) }
            values.sort()
            for permille in [1, 500, 950, 990, 1000] as [UInt64] {
                let exact = values[max(0, (2_000 * Int(permille) + 999) / 1000 - 1)]
                let found = try #require(histogram.counts.quantile(permille: permille))
                #expect(found >= exact && found <= exact + exact / 8 + 1, "\(found) for \(exact), \(permille) of \(limit)")
            }
            #expect(histogram.counts.count == 2_000)
            #expect(histogram.counts.sum == values.reduce(0, +))
        }
    }

    @Test func `the longest and the shortest durations have a place`() {
        let histogram = LogLinearHistogram()
        for value in [0, 1, 999, 1_000, .max] as [UInt64] { histogram.record(nanoseconds: value) }
        let counts = histogram.counts
        #expect(counts.count == 5)
        #expect(counts.count(below: 0) == 3)
        #expect(counts.count(below: 24) == 4)
        #expect(counts.quantile(permille: .max) == 1 << 25)
        #expect(HistogramCounts().quantile(permille: 500) == nil)
    }

    @Test func `what is below each bound only grows from bound to bound, and sums add up`() {
        let one = LogLinearHistogram()
        let two = LogLinearHistogram()
        for number in 0..<5_000 as Range<UInt64> { one.record(nanoseconds: number * number * 1_000) }
        for number in 0..<100 as Range<UInt64> { two.record(nanoseconds: number * 1_000_000) }
        var counts = one.counts
        counts.add(two.counts)
        #expect(counts.count == 5_100)
        let bounds = (0...24).map { counts.count(below: $0) }
        #expect(bounds == bounds.sorted() && bounds.last! <= 5_100)
        #expect(counts.since(one.counts) == two.counts)
    }

    @Test func `of recent durations the last 256 count`() {
        let recent = RecentDurations()
        #expect(recent.microseconds.isEmpty)
        for _ in 0..<300 { recent.record(nanoseconds: 9_000_000) }
        for _ in 0..<256 { recent.record(nanoseconds: 1_000) }
        #expect(recent.microseconds == [UInt32](repeating: 1, count: 256))
        #expect(RecentDurations.quantile([], permille: 500) == nil)
        #expect(RecentDurations.quantile([1, 2, 3, 4], permille: 500) == 2)
        #expect(RecentDurations.quantile([1, 2, 3, 4], permille: 990) == 4)
    }
}
