import Green
import Testing

@Suite struct GreenletTests {
    @Test(arguments: World.allCases) func `a spawned greenlet's result reaches who joins it`(_ world: World) throws {
        let sum = try onHub(world) { hub throws in
            let greenlets = (1...10).map { number in
                hub.spawn {
                    try sleep(.milliseconds(1))
                    return number
                }
            }
            return try greenlets.reduce(0) { try $0 + $1.get() }
        }
        #expect(sum == 55)
    }

    @Test(arguments: World.allCases) func `an error reaches who asks for the result`(_ world: World) throws {
        try onHub(world) { hub throws in
            let greenlet: Greenlet<Int> = hub.spawn { throw Failure(number: 7) }
            #expect(throws: Failure(number: 7)) { try greenlet.get() }
        }
    }

    @Test(arguments: World.allCases) func `who is killed as its socket is closed and has just been written to is not reported`(
        _ world: World
    ) throws {
        let reports = Locked<[String]>([])
        var options = HubOptions()
        options.report = { name, error in reports.withLock { $0.append("\(name): \(error)") } }
        try onHub(world, options) { hub throws in
            let sockets = try (0..<2).map { _ in
                let place = SocketAddress(.loopback, port: 0)
                return try DatagramSocket(listener: hub.loop.listen(.datagram, at: place, options: ListenOptions()))
            }
            let clients = try sockets.map { try DatagramSocket(connectedTo: try #require($0.localAddress)) }
            // The first to have a datagram ends the other, whose datagram has come in the same turn.
            var readers: [Greenlet<Void>] = []
            for number in 0..<2 {
                readers.append(
                    hub.spawn {
                        _ = try sockets[number].receiveBytes(until: hub.soon)
                        readers[1 - number].kill()
                        sockets[1 - number].close()
                    })
            }
            try yield()
            for client in clients { if let datagram = Datagram([1]) { client.send(datagram) } }
            // Not joined: that would be asking for its error.
            while !readers.allSatisfy(\.isDone) { try sleep(.milliseconds(1)) }
        }
        #expect(reports.withLock { $0 } == [])
    }

    @Test(arguments: World.allCases) func `an error that nobody asks for is reported with the greenlet's name`(_ world: World)
        throws
    {
        let reports = Locked<[String]>([])
        var options = HubOptions()
        options.report = { name, error in reports.withLock { $0.append("\(name.prefix { $0 != " " }): \(error)") } }
        try onHub(world, options) { hub throws in
            hub.spawn(name: "careless") { throw Failure(number: 1) }
            try sleep(.zero)
        }
        #expect(reports.withLock { $0 } == ["careless: Failure(number: 1)"])
    }

    @Test(arguments: World.allCases) func `greenlets take turns in the order they came`(_ world: World) throws {
        var order: [Int] = []
        try onHub(world) { hub throws in
            let greenlets = (0..<3).map { number in
                hub.spawn {
                    for _ in 0..<2 {
                        order.append(number)
                        try yield()
                    }
                }
            }
            for greenlet in greenlets { try greenlet.join() }
        }
        #expect(order == [0, 1, 2, 0, 1, 2])
    }

    @Test(arguments: World.allCases) func `a kill unwinds the greenlet through its own clean-up`(_ world: World) throws {
        var steps: [String] = []
        try onHub(world) { hub throws in
            let greenlet = hub.spawn {
                defer { steps.append("cleaned") }
                steps.append("began")
                try sleep(.seconds(3600))
                steps.append("never")
            }
            try yield()
            greenlet.kill()
            try greenlet.join()
            #expect(throws: Interruption.killed) { try greenlet.get() }
        }
        #expect(steps == ["began", "cleaned"])
    }

    @Test(arguments: World.allCases) func `after a kill each later wait is interrupted too`(_ world: World) throws {
        var interrupted = 0
        try onHub(world) { hub throws in
            let greenlet = hub.spawn {
                for _ in 0..<3 {
                    do { try sleep(.seconds(3600)) } catch { interrupted += 1 }
                }
            }
            try yield()
            greenlet.kill()
            try greenlet.join()
        }
        #expect(interrupted == 3)
    }

    @Test(arguments: World.allCases) func `a kill of a greenlet that can go on comes at its next wait`(_ world: World) throws {
        var steps: [String] = []
        try onHub(world) { hub throws in
            let greenlet = hub.spawn {
                try yield()
                steps.append("went on")
                try sleep(.seconds(3600))
                steps.append("never")
            }
            try yield()
            greenlet.kill()
            greenlet.kill()
            try greenlet.join()
            #expect(greenlet.failure as? Interruption == .killed)
        }
        #expect(steps == ["went on"])
    }

    @Test(arguments: World.allCases) func `a busy greenlet that yields keeps neither timers nor sockets waiting`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 1) { connection in
                while case let bytes = try connection.read(upTo: 100), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            let busy = (0..<2).map { _ in hub.spawn { while true { try yield() } } }
            let client = try StreamSocket.connect(to: server.address, until: hub.soon)
            for number in 0..<20 as Range<UInt8> {
                try client.write([number])
                #expect(try client.read(upTo: 1, until: hub.soon) == [number])
                try withTimeout(.seconds(20)) { _ in try sleep(.milliseconds(1)) }
            }
            #expect(busy.allSatisfy { !$0.isDone })
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `results of any type and size are kept, and let go of`(_ world: World) throws {
        final class Thing {}
        try onHub(world) { hub throws in
            weak var seen: Thing?
            func make() throws -> (Thing, Int, Int, Int) {
                let greenlet = hub.spawn { (Thing(), 1, 2, 3) }
                return try greenlet.get()
            }
            var thing: Thing? = try make().0
            seen = thing
            #expect(try make().3 == 3)
            #expect(seen != nil)
            thing = nil
            #expect(seen == nil)
            #expect(try hub.spawn { (UInt8(7), Int.max) }.get() == (7, Int.max))
            #expect(try hub.spawn { "a string that is too long to lie in its own words" }.get().count == 49)
            #expect(try hub.spawn { SIMD16<Int32>(repeating: 9) }.get() == SIMD16<Int32>(repeating: 9))
            #expect(try hub.spawn { nil as Int? }.get() == nil)
            let failed: Greenlet<String> = hub.spawn { throw Failure() }
            try failed.join()
            #expect(failed.value == nil && failed.failure is Failure)
        }
    }

    @Test(arguments: World.allCases) func `a greenlet killed before it began never runs`(_ world: World) throws {
        var ran = false
        try onHub(world) { hub throws in
            let greenlet = hub.spawn { ran = true }
            greenlet.kill()
            try greenlet.join()
        }
        #expect(!ran)
    }

    @Test(arguments: World.allCases) func `a shield keeps a kill until clean-up is over`(_ world: World) throws {
        var steps: [String] = []
        try onHub(world) { hub throws in
            let greenlet = hub.spawn {
                try shield {
                    try sleep(.milliseconds(2))
                    steps.append("shielded")
                }
                try sleep(.seconds(3600))
                steps.append("never")
            }
            try yield()
            greenlet.kill()
            try greenlet.join()
        }
        #expect(steps == ["shielded"])
    }

    @Test(arguments: World.allCases) func `a join with a limit gives up, and the greenlet goes on`(_ world: World) throws {
        try onHub(world) { hub throws in
            let greenlet = hub.spawn { try sleep(.milliseconds(20)) }
            #expect(try greenlet.join(limit: .milliseconds(1)) == false)
            #expect(try greenlet.join() == true)
        }
    }

    @Test(arguments: World.allCases) func `what is left when the root ends is killed and unwound`(_ world: World) throws {
        var cleaned = 0
        try onHub(world) { hub throws in
            for _ in 0..<50 {
                hub.spawn {
                    defer { cleaned += 1 }
                    try sleep(.seconds(3600))
                }
            }
            try yield()
        }
        #expect(cleaned == 50)
    }

    @Test(arguments: World.allCases) func `the root's end does not wait for who was about to go on`(_ world: World) throws {
        var slept = Duration.zero
        let hub = try onHub(world) { hub throws in
            hub.spawn {
                try hub.yield(afterEvents: true)
                let before = hub.loop.now()
                defer { slept = before.duration(to: hub.loop.now()) }
                try sleep(.seconds(3))
            }
            try yield()
            return hub
        }
        #expect(hub.greenletCount == 0)
        #expect(slept < .seconds(1))
    }

    @Test(arguments: World.allCases) func `many greenlets can sleep at once and their stacks are used again`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            for _ in 0..<3 {
                let greenlets = (0..<5000).map { _ in hub.spawn { try sleep(.milliseconds(5)) } }
                for greenlet in greenlets { try greenlet.join() }
            }
            #expect(hub.greenletHighWater <= 5001)
        }
    }

    @Test(arguments: World.allCases) func `beyond the limit a spawn fails and says so`(_ world: World) throws {
        var options = HubOptions()
        options.greenletLimit = 3
        try onHub(world, options) { hub throws in
            let greenlets = (0..<3).map { _ in hub.spawn { try sleep(.milliseconds(1)) } }
            #expect(throws: GreenletLimit.self) { try greenlets[2].get() }
            try greenlets[0].get()
        }
    }

    @Test(arguments: World.allCases) func `posted work runs on the hub's thread`(_ world: World) throws {
        try onHub(world) { hub throws in
            let event = Event(hub: hub)
            let box = HubBox(event)
            let mailbox = hub.mailbox
            try hub.loop.submit { mailbox.post { box.value.set() } }
            #expect(try event.wait(until: hub.now.advanced(by: .seconds(10))))
        }
    }

    @Test func `a blocking call does not hold up the hub`() throws {
        let gate = Locked(false)
        let value = try onHub { hub throws in
            hub.spawn { gate.withLock { $0 = true } }
            return try blocking { () -> Int in
                while !gate.withLock({ $0 }) {}
                return 42
            }
        }
        #expect(value == 42)
    }
}

/// Carries a hub-bound object through a closure that comes back to its own hub.
struct HubBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
