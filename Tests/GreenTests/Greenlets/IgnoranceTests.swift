import Green
import Testing

/// Who ignores what a wait says holds nobody up, and what was done is told as done.
@Suite struct IgnoranceTests {
    /// What a greenlet does after it was interrupted, again and again.
    enum Wait: CaseIterable {
        case sleep, yield, event, blocking, timeout
    }

    @Test(arguments: World.allCases, Wait.allCases)
    func `a loop that ignores its kill lets others run, and is reported once`(_ world: World, _ wait: Wait) throws {
        let reported = Locked<[String]>([])
        var options = HubOptions()
        options.report = { name, error in reported.withLock { $0.append("\(name.prefix { $0 != " " }): \(type(of: error))") } }
        try onHub(world, options) { hub throws in
            var mayEnd = false
            let event = Event()
            let stubborn = hub.spawn(name: "stubborn") {
                func loop() {
                    while !mayEnd {
                        switch wait {
                        case .sleep, .timeout: try? sleep(.seconds(3600))
                        case .yield: try? yield()
                        case .event: _ = try? event.wait()
                        case .blocking: _ = try? blocking { 1 }
                        }
                    }
                }
                if wait == .timeout { try? withTimeout(.milliseconds(1)) { _ in loop() } } else { loop() }
            }
            try sleep(.milliseconds(2))
            stubborn.kill()
            for _ in 0..<300 { try hub.yield(afterEvents: true) }
            mayEnd = true
            event.set()
            #expect(try stubborn.join(limit: .seconds(20)))
        }
        #expect(reported.withLock { $0 }.filter { $0.hasPrefix("stubborn") } == ["stubborn: IgnoredInterruption"])
    }

    @Test(arguments: World.allCases) func `what a receiver took is told as sent, whatever ends the sender's wait`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let channel = Channel<Int>()
            // A kill, and a receiver before the sender has its turn.
            let killed = hub.spawn { try channel.send(1, until: .never) }
            try yield()
            killed.kill()
            #expect(try channel.receive() == 1)
            #expect(try killed.get())
            // A deadline at the moment at which a receiver comes that runs first.
            let moment = hub.loop.now().advanced(by: .milliseconds(20))
            let receiver = hub.spawn {
                try hub.sleep(until: moment)
                return try channel.receive(until: hub.now)
            }
            try yield()
            let late = hub.spawn { try channel.send(2, until: moment) }
            let (sent, received) = (try late.get(), try receiver.get())
            #expect(sent == (received == 2))
            // A timeout around it.
            let timed = hub.spawn { try withTimeout(.milliseconds(1)) { _ in try channel.send(3, until: .never) } }
            let taker = hub.spawn { try channel.receive(until: hub.loop.now().advanced(by: .milliseconds(1))) }
            let wasTaken = try taker.get() == 3
            #expect(((try? timed.get()) ?? false) == wasTaken)
        }
    }

    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `sender and receiver agree, whatever comes first`(_ seed: UInt64) throws {
        let world = VirtualWorld(seed: seed)
        try world.run { hub throws in
            var generator = SeededGenerator(seed: seed)
            let channel = Channel<Int>()
            var (sent, received) = (Set<Int>(), Set<Int>())
            let senders = (0..<6).map { number in
                hub.spawn {
                    let until = hub.loop.now().advanced(by: .microseconds(Int.random(in: 1...6, using: &generator) * 10))
                    if try channel.send(number, until: until) { sent.insert(number) }
                }
            }
            let receivers = (0..<6).map { _ in
                hub.spawn {
                    try sleep(.microseconds(Int.random(in: 1...6, using: &generator) * 10))
                    if let number = try channel.receive(until: hub.loop.now().advanced(by: .microseconds(10))) {
                        received.insert(number)
                    }
                }
            }
            let killer = hub.spawn {
                try sleep(.microseconds(Int.random(in: 1...6, using: &generator) * 10))
                senders[Int.random(in: 0..<6, using: &generator)].kill()
            }
            try joinAll(senders)
            try joinAll(receivers)
            try killer.join()
            #expect(sent == received)
        }
    }

    @Test(arguments: World.allCases) func `a NUL in a name is refused, not taken for its end`(_ world: World) throws {
        try onHub(world) { hub throws in
            #expect(IPAddress("127.0.0.1\0.evil.test") == nil && IPAddress("::1\0") == nil)
            #expect(SocketAddress("127.0.0.1\0:53", defaultPort: 53) == nil)
            #expect(throws: SocketError.notFound) { try lookUp("localhost\0.evil.test") }
            let files = hub.loop.files
            #expect(throws: SocketError.self) { try files.read("/proc/self/status\0.txt", limit: 1 << 20) }
            #expect(throws: SocketError.self) { try files.read("/proc/self/status\0.txt", from: 0, count: 1) }
            #expect(files.stamp("/proc/self/status\0.txt") == nil)
            guard world == .libevent else { return }
            #expect(throws: SocketError.self) { try files.replace("/tmp/green-nul-test\0.txt", over: { _ in .replaced }) { nil } }
            #expect(throws: SocketError.self) { _ = try hub.loop.listen(path: "/tmp/green-nul\0x", backlog: 1) }
        }
    }
}
