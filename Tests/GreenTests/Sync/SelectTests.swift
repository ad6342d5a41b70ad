import Green
import Testing

/// Waiting for one of several things and taking it.
@Suite struct SelectTests {
    /// What a select found.
    enum Found: Equatable {
        case number(Int?), text(String), line(String?), late
    }

    @Test(arguments: World.allCases) func `the first that can be taken is taken, and nothing else`(_ world: World) throws {
        try onHub(world) { hub throws in
            let (numbers, channel, threads) = (Queue<Int>(), Channel<String>(), ThreadQueue<Int>())
            func wait(_ limit: Duration = .seconds(3600)) throws -> Found? {
                try select([
                    .next(of: numbers) { .number($0) },
                    .next(of: channel) { .text($0 ?? "closed") },
                    .next(of: threads) { .number($0) },
                    .after(limit) { .late },
                ])
            }
            #expect(try wait(.milliseconds(1)) == .late)
            hub.spawn { try channel.send("hallo") }
            #expect(try wait() == .text("hallo"))
            spawn(after: .milliseconds(1)) { threads.tryPut(4) }
            #expect(try wait() == .number(4))
            numbers.tryPut(1)
            threads.tryPut(5)
            #expect(try wait() == .number(1))
            #expect(threads.count == 1)
            #expect(try wait() == .number(5))
            numbers.close()
            #expect(try wait() == .number(nil))
            #expect(try select([Selection.ready(Event()) { 1 }], until: .in(.milliseconds(1))) == nil)
        }
    }

    @Test(arguments: World.allCases) func `a socket is one of several, whether its bytes came before or come later`(
        _ world: World
    )
        throws
    {
        try onHub(world) { hub throws in
            let begin = Event()
            let server = try serve(0) { connection in
                try connection.write("first\n")
                try begin.wait()
                try connection.write("second\n")
            }
            let socket = try StreamSocket.connect(to: server.address, until: hub.soon)
            let reader = BufferedReader(socket)
            func wait(_ event: Event? = nil) throws -> Found? {
                try select(
                    [
                        .ready(socket.readable) { .line(try reader.readLine(until: hub.soon)) },
                        .ready(event ?? Event()) { .late },
                    ], until: hub.soon)
            }
            #expect(try wait() == .line("first"))
            let other = Event()
            spawn(after: .milliseconds(1)) { other.set() }
            #expect(try wait(other) == .late)
            begin.set()
            #expect(try wait() == .line("second"))
            #expect(try wait() == .line(nil))
            server.stop()
        }
    }

    @Test func `another thread wakes who waits for its queue among others`() throws {
        try onHub { hub throws in
            let numbers = ThreadQueue<Int>()
            let group = HubGroup()
            for number in 0..<100 {
                group.start(name: "putter") { try numbers.put(number) }
                #expect(try select([.next(of: numbers) { $0 }, .after(.seconds(20)) { -1 }]) == number)
            }
        }
    }

    @Test(arguments: World.allCases) func `a select that is killed leaves nothing behind`(_ world: World) throws {
        try onHub(world) { hub throws in
            let (queue, threads) = (Queue<Int>(), ThreadQueue<Int>())
            let server = try serve(0) { _ in try sleep(.seconds(3600)) }
            let socket = try StreamSocket.connect(to: server.address, until: hub.soon)
            let before = hub.greenletCount
            for _ in 0..<10 {
                let waiting = hub.spawn {
                    try select([
                        .next(of: queue) { $0 }, .next(of: threads) { $0 }, .ready(socket.readable) { 0 },
                        .after(.seconds(3600)) { 0 },
                    ])
                }
                try yield()
                waiting.kill()
                #expect(throws: Interruption.killed) { try waiting.get() }
            }
            try sleep(.milliseconds(1))
            // The connection's greenlet may have begun meanwhile.
            #expect(hub.greenletCount <= before + 1)
            server.stop()
        }
    }
}
