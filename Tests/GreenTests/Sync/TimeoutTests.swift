import Green
import Testing

@Suite struct TimeoutTests {
    @Test(arguments: World.allCases) func `a timeout interrupts a wait and is told as TimedOut`(_ world: World) throws {
        try onHub(world) { _ throws in
            #expect(throws: TimedOut(limit: .milliseconds(2))) {
                try withTimeout(.milliseconds(2)) { _ in try sleep(.seconds(3600)) }
            }
        }
    }

    @Test(arguments: World.allCases) func `of nested timeouts the one that fires is told apart`(_ world: World) throws {
        try onHub(world) { _ throws in
            var inner = false
            #expect(throws: TimedOut(limit: .milliseconds(2))) {
                try withTimeout(.milliseconds(2)) { _ in
                    do {
                        try withTimeout(.seconds(60)) { _ in try sleep(.seconds(3600)) }
                    } catch is TimedOut {
                        inner = true
                    }
                }
            }
            #expect(!inner)
        }
    }

    @Test(arguments: World.allCases) func `while a timeout is over each wait inside is interrupted`(_ world: World) throws {
        try onHub(world) { _ throws in
            var count = 0
            let result: Void? = try withTimeout(orNilAfter: .milliseconds(1)) {
                for _ in 0..<3 {
                    do { try sleep(.seconds(3600)) } catch { count += 1 }
                }
                try yield()
            }
            #expect(result == nil)
            #expect(count == 3)
        }
    }

    @Test(arguments: World.allCases) func `a body that is in time gives its result and leaves no timer`(_ world: World) throws {
        try onHub(world) { _ throws in
            let value = try withTimeout(.seconds(60)) { _ in 5 }
            #expect(value == 5)
            try sleep(.milliseconds(1))
        }
    }

    @Test(arguments: World.allCases) func `an event wakes all who wait, and a deadline those who wait too long`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let event = Event(hub: hub)
            let waiting = (0..<3).map { _ in hub.spawn { try event.wait() } }
            #expect(try event.wait(until: hub.loop.now().advanced(by: .milliseconds(1))) == false)
            event.set()
            for greenlet in waiting { #expect(try greenlet.get()) }
            event.clear()
            #expect(!event.isSet)
        }
    }

    @Test(arguments: World.allCases) func `a wake that comes before the wait has begun is kept, a late one does nothing`(
        _ world: World
    ) throws {
        try onHub(world) { hub throws in
            var late: Waiter?
            let came = try Waiter.wait(for: "test", until: hub.now.advanced(by: .seconds(5))) { waiter in
                late = waiter
                waiter.wake()
            }
            #expect(came)
            late!.wake()
            let again = try Waiter.wait(for: "test", until: hub.loop.now().advanced(by: .milliseconds(1))) { _ in late!.wake() }
            #expect(!again)
        }
    }
}
