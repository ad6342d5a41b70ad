import Green
import Testing

@testable import AnswerCache

@Suite struct `Circuit breaker` {
    /// A breaker with a clock in milliseconds.
    private final class Subject {
        private var breaker = CircuitBreaker()
        var isOpen: Bool { breaker.isOpen }

        func admits(_ milliseconds: UInt64) -> Bool {
            breaker.admits(at: Instant(nanoseconds: milliseconds * 1_000_000))
        }

        func fails(_ milliseconds: UInt64, times: Int = 1) {
            for _ in 0..<times { breaker.failed(at: Instant(nanoseconds: milliseconds * 1_000_000)) }
        }

        func succeeds() { breaker.succeeded() }
    }

    @Test func `five failures in a row open it, a success in between does not`() {
        let breaker = Subject()
        breaker.fails(0, times: 4)
        breaker.succeeds()
        breaker.fails(0, times: 4)
        #expect(!breaker.isOpen)
        #expect(breaker.admits(0))
        breaker.fails(0)
        #expect(breaker.isOpen)
        #expect(!breaker.admits(199))
    }

    @Test func `one question at a time tries, after pauses that double up to a limit`() {
        let breaker = Subject()
        breaker.fails(0, times: 5)
        var now: UInt64 = 0
        for pause: UInt64 in [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000] {
            #expect(!breaker.admits(now + pause - 1))
            now += pause
            #expect(breaker.admits(now))
            #expect(!breaker.admits(now + 1))
            breaker.fails(now)
        }
        now += 10_000
        #expect(breaker.admits(now))
        breaker.succeeds()
        #expect(!breaker.isOpen)
        #expect(breaker.admits(now))
    }

    @Test func `what fails together opens it once`() {
        let breaker = Subject()
        breaker.fails(0, times: 64)
        #expect(!breaker.admits(199))
        #expect(breaker.admits(200))
    }

    @Test func `a question that tries and is never heard of again is followed by another`() {
        let breaker = Subject()
        breaker.fails(0, times: 5)
        #expect(breaker.admits(200))
        #expect(!breaker.admits(300))
        #expect(breaker.admits(400))
    }
}
