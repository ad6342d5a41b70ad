import CAllocationCount
import Foundation
import Observation
import Testing

@Suite struct CounterTests {
    @Test func `what one thread counts others read while it counts`() {
        let figures = QueryFigures()
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            for _ in 0..<200_000 { figures.coalesced.add() }
            ended.signal()
        }
        var last: UInt64 = 0
        while ended.wait(timeout: .now()) == .timedOut {
            let value = figures.coalesced.value
            #expect(value >= last && value <= 200_000)
            last = value
        }
        #expect(figures.coalesced.value == 200_000)
    }

    @Test func `a cell that a row does not have is not counted, and is read as nothing`() {
        let row = CounterRow<4>()
        for cell in [-1, 4, Int.max, Int.min] { row.add(at: cell) }
        row.add(at: 3)
        #expect((-1...5).map { row[$0] } == [0, 0, 0, 0, 1, 0, 0])
    }

    @Test func `what a worker gives back goes on in the next one's hands, and nothing of it is lost`() {
        let copies = WorkerCopies { QueryFigures() }
        #expect(!copies.isInUse)
        let (one, two) = (copies.take(), copies.take())
        one.prefetched.add(3)
        two.prefetched.add(4)
        copies.giveBack(one)
        #expect(copies.isInUse)
        #expect(copies.take() === one)
        one.prefetched.add()
        #expect(copies.all.count == 2)
        #expect(copies.sum { $0.prefetched.value } == 8)
        copies.giveBack(one)
        copies.giveBack(two)
        #expect(!copies.isInUse)
    }

    @Test func `answers are counted by source and rcode, those at once as no time`() {
        let figures = QueryFigures()
        for _ in 0..<5 { figures.noteHit(3) }
        figures.note(.upstream, 0)
        figures.noteWait(.upstream, nanoseconds: 5_000_000)
        figures.note(.error, 4_000)
        #expect(figures.responses(.memory, 3) == 5)
        #expect(figures.responses(.upstream, 0) == 1)
        #expect(figures.responses(.error, 31) == 1)
        #expect(figures.durations(.memory).count == 5)
        #expect(figures.durations(.memory).count(below: 6) == 5)
        #expect(figures.durations(.upstream).count == 1)
        #expect(figures.durations(.upstream).count(below: 12) == 0)
        #expect(figures.durations(.upstream).count(below: 13) == 1)
        #expect(figures.durations(.upstream).sum == 5_000)
    }

    @Test func `counting allocates nothing`() {
        let (queries, upstream) = (QueryFigures(), UpstreamFigures())
        let before = allocation_count()
        for number in 0..<10_000 {
            queries.noteHit(UInt16(number & 15))
            queries.note(.rule, 3)
            queries.noteWait(.upstream, nanoseconds: UInt64(number) * 1_000)
            upstream.record(nanoseconds: UInt64(number) * 1_000)
        }
        #expect(allocation_count() - before < 100)
    }
}
