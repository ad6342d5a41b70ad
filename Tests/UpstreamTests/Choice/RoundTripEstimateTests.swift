import Testing

@testable import Upstream

@Suite struct `Round trips` {
    static let millisecond: UInt64 = 1_000_000

    private func estimate(_ samples: [UInt64]) -> RoundTripEstimate {
        var estimate = RoundTripEstimate()
        for sample in samples { estimate.record(sample * Self.millisecond) }
        return estimate
    }

    @Test func `before anything is measured the wait is 400 ms`() {
        #expect(RoundTripEstimate().resendWait == 400 * Self.millisecond)
        #expect(!RoundTripEstimate().isMeasured)
    }

    @Test func `the wait is never under 50 ms and never over two seconds`() {
        #expect(estimate(Array(repeating: 1, count: 20)).resendWait == 50 * Self.millisecond)
        #expect(estimate([0]).resendWait == 50 * Self.millisecond)
        #expect(estimate([0]).isMeasured)
        #expect(estimate(Array(repeating: 9000, count: 20)).resendWait == 2000 * Self.millisecond)
    }

    @Test func `a steady round trip is waited for twice, an unsteady one longer`() {
        let steady = estimate(Array(repeating: 100, count: 50))
        #expect((195...215).contains(steady.resendWait / Self.millisecond))
        let unsteady = estimate((0..<50).map { $0 % 2 == 0 ? 50 : 150 })
        #expect(unsteady.resendWait > 2 * steady.resendWait * 9 / 10)
    }

    @Test func `the smoothed round trip follows what is measured`() {
        let estimate = estimate(Array(repeating: 20, count: 5) + Array(repeating: 300, count: 60))
        #expect((290...310).contains(estimate.roundTrip / .milliseconds(1)))
    }

    @Test func `one late answer to a question that was sent again changes little`() {
        var estimate = estimate(Array(repeating: 10, count: 50))
        estimate.record(4000 * Self.millisecond, wasResent: true)
        #expect(estimate.resendWait < 200 * Self.millisecond)
    }

    @Test func `a link that has become slow is learnt from questions that were all sent again`() {
        var estimate = estimate(Array(repeating: 10, count: 50))
        for _ in 0..<30 where estimate.resendWait < 300 * Self.millisecond {
            estimate.record(300 * Self.millisecond, wasResent: true)
        }
        #expect(estimate.resendWait >= 300 * Self.millisecond)
    }

    @Test func `absurd measurements do no harm`() {
        var estimate = RoundTripEstimate()
        for _ in 0..<100 { estimate.record(.max) }
        #expect(estimate.resendWait == 2000 * Self.millisecond)
    }
}
