import Glibc
import Green
import Testing

@Suite struct ThreadTests {
    @Test(arguments: World.allCases) func `a pool of blocking calls runs no more at once than its limit`(_ world: World) throws {
        let counts = Locked((alive: 0, most: 0))
        try onHub(world) { hub throws in
            let pool = BlockingPool(limit: 2)
            let calls = (0..<6).map { number in
                hub.spawn {
                    try pool.run { () -> Int in
                        counts.withLock { $0 = ($0.alive + 1, max($0.most, $0.alive + 1)) }
                        usleep(1000)
                        counts.withLock { $0.alive -= 1 }
                        return number
                    }
                }
            }
            #expect(try calls.map { try $0.get() } == Array(0..<6))
            #expect(throws: Failure(number: 3)) { try pool.run { throw Failure(number: 3) } }
        }
        #expect(counts.withLock { $0.most } <= 2)
    }

    /// What a producer hub puts in, two consumer hubs take out, through a queue of three.
    @Test(arguments: World.allCases) func `a queue carries all between hubs, each thing once`(_ world: World) throws {
        let queue = ThreadQueue<Int>(limit: 3)
        let results = ThreadQueue<Int>()
        let simulated = VirtualWorld(seed: 3)
        let group = world == .simulated ? HubGroup(starter: simulated) : HubGroup()
        for index in 0..<2 {
            group.start(name: "consumer \(index)") {
                while let number = try queue.get() { results.tryPut(number) }
            } ended: { failure in
                if failure != nil { results.close() }
            }
        }
        let body: (Hub) throws -> Void = { _ in
            for number in 0..<1000 { try queue.put(number) }
            queue.close()
            var got: Set<Int> = []
            while got.count < 1000, let number = try results.get() { #expect(got.insert(number).inserted) }
            #expect(got.count == 1000)
            #expect(throws: QueueClosed()) { try queue.put(1) }
        }
        if world == .simulated { try simulated.run(body) } else { try onHub { hub in try body(hub) } }
    }

    @Test(arguments: World.allCases) func `who gives up waiting on a queue between threads takes no wake with it`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let queue = ThreadQueue<Int>()
            let getters = (0..<3).map { _ in hub.spawn { try queue.get() } }
            try yield()
            getters[0].kill()
            queue.tryPut(1)
            queue.tryPut(2)
            #expect(try getters[1].get() == 1)
            #expect(try getters[2].get() == 2)
            #expect(try queue.get(until: hub.loop.now().advanced(by: .milliseconds(1))) == nil)
        }
    }

    @Test func `async code runs work in a hub, and a greenlet awaits async code`() async throws {
        let group = HubGroup()
        let mailboxes = ThreadQueue<HubMailbox>()
        let gate = ThreadQueue<Int>()
        group.start(name: "served") {
            mailboxes.tryPut(Hub.current.mailbox)
            _ = try gate.get()
        }
        var mailbox: HubMailbox?
        while mailbox == nil {
            mailbox = mailboxes.tryGet()
            await Task.yield()
        }
        let sum = try await mailbox!.call {
            try sleep(.milliseconds(1))
            return try awaiting { await Self.addSlowly(2, 3) }
        }
        #expect(sum == 5)
        await #expect(throws: Failure(number: 4)) {
            try await mailbox!.call { try awaiting { throw Failure(number: 4) } }
        }
        let sleeper = Task { [mailbox] in try await mailbox!.call { try sleep(.seconds(3600)) } }
        sleeper.cancel()
        await #expect(throws: Interruption.killed) { try await sleeper.value }
        gate.tryPut(1)
        while group.count > 0 { await Task.yield() }
        await #expect(throws: HubEnded()) { try await mailbox!.call {} }
    }

    @Test(arguments: World.allCases) func `what a hub accepts at its very end it still does`(_ world: World) throws {
        let counts = Locked((accepted: 0, done: 0))
        /// Posts work that does the same, so many times.
        @Sendable func post(_ left: Int) {
            guard left > 0 else { return }
            let isAccepted = Hub.current.mailbox.post {
                counts.withLock { $0.done += 1 }
                post(left - 1)
            }
            if isAccepted { counts.withLock { $0.accepted += 1 } }
        }
        if world == .simulated {
            let simulated = VirtualWorld(seed: 1)
            try simulated.run { _ in
                let group = HubGroup(starter: simulated)
                group.start(name: "ending") { post(10) }
                while group.count > 0 { try sleep(.milliseconds(1)) }
            }
        } else {
            try onHub { _ in post(10) }
        }
        let (accepted, done) = counts.withLock { $0 }
        #expect(accepted == 10 && done == 10)
    }

    @Test func `a hub that nobody ran refuses work when it is gone, and says so to who waits for it`() async {
        var hub: Hub? = Hub(loop: LibeventLoop())
        let mailbox = hub!.mailbox
        let call = Task.immediate { try await mailbox.call {} }
        hub = nil
        #expect(!mailbox.post {})
        await #expect(throws: HubEnded()) { try await call.value }
    }

    private static func addSlowly(_ one: Int, _ other: Int) async -> Int {
        await Task.yield()
        return one + other
    }

    @Test func `a monitor reports the greenlet that kept its hub, and when it is over its name`() throws {
        let reports = Locked<[HeldHub]>([])
        try onHub { hub throws in
            let monitor = try HubMonitor(limit: .milliseconds(20)) { held in reports.withLock { $0.append(held) } }
            defer { monitor.stop() }
            // On a busy machine others may be reported as well: the system kept them off the processor.
            let busy = hub.spawn(name: "busy") {
                let number = hub.greenlets.first { $0.name == "busy" }!.number
                func seen() -> [HeldHub] { reports.withLock { $0.filter { $0.greenlet == number } } }
                while seen().isEmpty {}
                while !seen().contains(where: \.isOver) { try sleep(.milliseconds(1)) }
                return seen()
            }
            let seen = try busy.get()
            #expect(seen.first?.isOver == false && seen.first?.name == nil)
            #expect(seen.contains { $0.isOver && $0.name == "busy" })
            #expect(seen.allSatisfy { $0.duration >= .milliseconds(20) })
        }
    }

    @Test func `signals come to a greenlet one after the other`() async {
        await #expect(processExitsWith: .success) {
            let hub = Hub(loop: LibeventLoop())
            try hub.run {
                let signals = try Signals([SIGUSR1, SIGUSR2])
                hub.spawn {
                    raise(SIGUSR1)
                    try sleep(.milliseconds(5))
                    raise(SIGUSR2)
                }
                var came: [Int32] = []
                for signal in signals {
                    came.append(signal)
                    if came.count == 2 { break }
                }
                guard came == [SIGUSR1, SIGUSR2] else { exit(1) }
            }
        }
    }
}
