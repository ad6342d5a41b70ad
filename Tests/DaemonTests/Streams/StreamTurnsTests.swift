import Green
import Testing

@testable import Daemon

/// What many connections want at the same moment lets events through between.
@Suite struct StreamTurnsTests {
    @Test func `above a measure each waits for a turn of its own, in the order in which they came`() throws {
        try VirtualWorld(seed: 3).run { hub throws in
            let turns = StreamTurns(hub: hub)
            #expect(turns.hasRoom)
            turns.note(StreamTurns.mostInTurn - 1)
            #expect(turns.hasRoom)
            turns.note(1)
            #expect(!turns.hasRoom)
            var served: [Int] = []
            let clients = (0..<50).map { number in
                hub.spawn {
                    try turns.wait()
                    #expect(turns.hasRoom)
                    turns.note(StreamTurns.mostInTurn)
                    served.append(number)
                }
            }
            // The loop looks for events as often as one of them is served.
            var looks = 0
            while served.count < 50, looks < 1_000 {
                let before = served.count
                try hub.yield(afterEvents: true)
                looks += 1
                #expect(served.count - before <= 1)
            }
            #expect(served == Array(0..<50))
            for client in clients { try client.get() }
        }
    }

    @Test func `what is small waits for nobody, and who goes away holds up nobody`() throws {
        try VirtualWorld(seed: 4).run { hub throws in
            let turns = StreamTurns(hub: hub)
            var served = 0
            for _ in 0..<100 {
                hub.spawn {
                    try turns.wait()
                    turns.note(100)
                    served += 1
                }
            }
            try hub.yield()
            #expect(served == 100)
            turns.note(StreamTurns.mostInTurn)
            let first = hub.spawn { try turns.wait() }
            let second = hub.spawn { try turns.wait() }
            try hub.yield()
            first.kill()
            try second.get()
            // Time that passes is a turn too.
            turns.note(StreamTurns.mostInTurn)
            try sleep(.milliseconds(1))
            #expect(turns.hasRoom)
        }
    }
}
