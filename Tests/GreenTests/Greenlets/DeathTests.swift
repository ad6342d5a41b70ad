import Green
import Testing

@Suite struct DeathTests {
    @Test(arguments: World.allCases)
    func `an error is reported at a greenlet's death where nobody waits for it, once, and with its number`(_ world: World) throws
    {
        let reported = Locked<[String]>([])
        var options = HubOptions()
        options.report = { name, error in reported.withLock { $0.append("\(name.prefix { $0 != " " }): \(error)") } }
        try onHub(world, options) { hub throws in
            let kept = hub.spawn(name: "kept") { throw Failure(number: 1) }
            let unnamed = hub.spawn { throw Failure(number: 2) }
            let number = hub.greenlets.last!.number
            let awaited = hub.spawn(name: "awaited") { throw Failure(number: 3) }
            #expect(throws: Failure(number: 3)) { try awaited.get() }
            let before = reported.withLock { $0 }
            #expect(before == ["kept: Failure(number: 1)", "greenlet-\(number): Failure(number: 2)"])
            #expect(throws: Failure(number: 1)) { try kept.get() }
            _ = unnamed
        }
        #expect(reported.withLock { $0.count } == 2)
    }

    @Test func `a greenlet that waits for its own end is told so`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Hub(loop: LibeventLoop()).run {
                var own: Greenlet<Void>?
                own = spawn { try own?.get() }
                try own?.get()
            }
        }
        #expect(text(result).contains("waits for its own end"))
    }

    @Test func `a server that was stopped is not started again in silence`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try VirtualWorld(seed: 1).run { hub throws in
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                let server = try StreamServer(listener: listener, limit: 1)
                server.start()
                server.stop()
                server.start()
            }
        }
        #expect(text(result).contains("make another one"))
    }

    @Test(arguments: World.allCases) func `a wait that ended at its deadline gave nothing, and says so`(_ world: World) throws {
        try onHub(world) { hub throws in
            let soon = hub.loop.now().advanced(by: .milliseconds(1))
            let semaphore = Semaphore(0)
            // Each of these warns where its result is dropped.
            #expect(try !semaphore.acquire(until: soon))
            #expect(try !Event().wait(until: soon))
            #expect(try !Channel<Int>().send(1, until: soon))
            let queue = Queue<Int>(limit: 1)
            try queue.put(1)
            #expect(try !queue.put(2, until: soon))
            let holder = hub.spawn { try sleep(.seconds(1)) }
            #expect(try !holder.join(limit: .milliseconds(1)))
            holder.kill()
        }
    }

    private func text(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
}
