import Green
import Testing

/// Where no greenlet can be had, nobody waits for one that never runs.
@Suite struct LimitTests {
    private static func options(_ limit: Int) -> HubOptions {
        var options = HubOptions()
        options.greenletLimit = limit
        options.report = { _, _ in }
        return options
    }

    @Test(arguments: World.allCases) func `a blocking call that gets no greenlet gives its place back`(_ world: World) throws {
        try onHub(world, Self.options(3)) { hub throws in
            let pool = BlockingPool(limit: 1)
            let others = (0..<2).map { _ in hub.spawn { try sleep(.seconds(3600)) } }
            #expect(throws: GreenletLimit.self) { try pool.run { 1 } }
            killAll(others)
            try joinAll(others)
            let call = hub.spawn { try pool.run { 2 } }
            #expect(try call.join(limit: .seconds(10)))
            #expect(call.value == 2)
        }
    }

    @Test func `async code hears that its work got no greenlet`() async throws {
        let mailboxes = ThreadQueue<HubMailbox>()
        let gate = ThreadQueue<Int>()
        let group = HubGroup()
        group.start(name: "full", options: Self.options(1)) {
            mailboxes.tryPut(Hub.current.mailbox)
            _ = try gate.get()
        }
        var mailbox: HubMailbox?
        while mailbox == nil {
            mailbox = mailboxes.tryGet()
            await Task.yield()
        }
        let failure = Locked<String?>(nil)
        Task { [mailbox] in
            do { try await mailbox!.call {} } catch { failure.withLock { $0 = "\(type(of: error))" } }
        }
        let deadline = ContinuousClock.now + .seconds(10)
        while failure.withLock({ $0 }) == nil, ContinuousClock.now < deadline { await Task.yield() }
        #expect(failure.withLock { $0 } == "GreenletLimit")
        gate.tryPut(1)
        while group.count > 0 { await Task.yield() }
    }

    @Test(arguments: World.allCases) func `an item of an unordered map that gets no greenlet has that as its result`(
        _ world: World
    )
        throws
    {
        try onHub(world, Self.options(3)) { hub throws in
            let results = Group().mapUnordered([0, 1, 2]) { $0 }
            for _ in 1...2 {
                let result = try results.get(until: hub.soon)
                #expect(throws: GreenletLimit.self) { try result?.get() }
            }
            #expect(try results.get(until: hub.soon)?.get() == 0)
            #expect(try results.get(until: hub.soon) == nil && results.isClosed)
        }
    }

    @Test(arguments: World.allCases) func `an unordered map that gets no greenlet ends with that result`(_ world: World) throws {
        try onHub(world, Self.options(1)) { hub throws in
            let results = Group().mapUnordered([0, 1, 2]) { $0 }
            let result = results.tryGet()
            #expect(throws: GreenletLimit.self) { try result?.get() }
            #expect(results.isEmpty && results.isClosed)
        }
    }

    @Test(arguments: World.allCases) func `who gets a place in a pool but no greenlet leaves the place to the next`(
        _ world: World
    )
        throws
    {
        try onHub(world, Self.options(4)) { hub throws in
            let pool = Pool(size: 1)
            let first = try pool.spawn { try sleep(.milliseconds(1)) }
            let waiting = (0..<2).map { _ in hub.spawn { try pool.spawn {} } }
            // Woken before those who wait for the place.
            try first.join()
            let other = hub.spawn { try sleep(.seconds(3600)) }
            #expect(try waiting[0].get().failure is GreenletLimit)
            #expect(try waiting[1].join(limit: .seconds(10)))
            other.kill()
        }
    }
}
