import Green
import Testing

/// `withGreenlets`: nothing that is started in it outlives it.
@Suite struct ScopeTests {
    @Test(arguments: World.allCases) func `a scope is left when all that it started has ended`(_ world: World) throws {
        try onHub(world) { hub throws in
            var ended = 0
            let sum = try withGreenlets { scope in
                for _ in 0..<3 {
                    scope.spawn {
                        try sleep(.milliseconds(2))
                        ended += 1
                        // One that is started by another counts too.
                        scope.spawn { ended += 1 }
                    }
                }
                return try scope.spawn { 5 }.get()
            }
            #expect(sum == 5 && ended == 6)
        }
    }

    @Test(arguments: World.allCases) func `what one throws ends the others and the scope, whatever its body waits for`(
        _ world: World
    )
        throws
    {
        try onHub(world) { hub throws in
            var cleaned = 0
            #expect(throws: Failure(number: 1)) {
                try withGreenlets { scope in
                    scope.spawn {
                        defer { cleaned += 1 }
                        try sleep(.seconds(3600))
                    }
                    scope.spawn {
                        try sleep(.milliseconds(1))
                        throw Failure(number: 1)
                    }
                    try sleep(.seconds(3600))
                }
            }
            #expect(cleaned == 1 && hub.greenletCount == 1)
            // The next wait is nobody's business but its own.
            try sleep(.milliseconds(1))
        }
    }

    @Test(arguments: World.allCases) func `what the body throws ends all, and so does a kill from outside`(_ world: World) throws
    {
        try onHub(world) { hub throws in
            #expect(throws: Failure(number: 2)) {
                try withGreenlets { scope in
                    scope.spawn { try sleep(.seconds(3600)) }
                    throw Failure(number: 2)
                }
            }
            #expect(hub.greenletCount == 1)
            var cleaned = 0
            let outer = hub.spawn {
                try withGreenlets { scope in
                    scope.spawn {
                        defer { cleaned += 1 }
                        // Clean-up that waits is waited for.
                        do { try sleep(.seconds(3600)) } catch { try shield { try sleep(.milliseconds(1)) } }
                    }
                }
            }
            try sleep(.milliseconds(1))
            outer.kill()
            #expect(throws: Interruption.killed) { try outer.get() }
            #expect(cleaned == 1 && hub.greenletCount == 1)
        }
    }

    @Test(arguments: World.allCases) func `a scope within a timeout ends with it, and one that is killed alone ends no other`(
        _ world: World
    )
        throws
    {
        try onHub(world) { hub throws in
            #expect(throws: TimedOut.self) {
                try withTimeout(.milliseconds(2)) { try withGreenlets { $0.spawn { try sleep(.seconds(3600)) } } }
            }
            #expect(hub.greenletCount == 1)
            let result = try withGreenlets { scope in
                let one = scope.spawn { try sleep(.seconds(3600)) }
                let other = scope.spawn {
                    try sleep(.milliseconds(1))
                    return 7
                }
                try yield()
                one.kill()
                return try other.get()
            }
            #expect(result == 7)
            // Scopes in scopes: the inner failure is the outer's, once.
            #expect(throws: Failure(number: 3)) {
                try withGreenlets { outer in
                    outer.spawn { try withGreenlets { $0.spawn { throw Failure(number: 3) } } }
                    try sleep(.seconds(3600))
                }
            }
        }
    }

    @Test(arguments: World.allCases) func `what is started while a scope ends, ends too`(_ world: World) throws {
        try onHub(world) { hub throws in
            #expect(throws: Failure(number: 4)) {
                try withGreenlets { scope in
                    scope.spawn {
                        defer { scope.spawn { try sleep(.seconds(3600)) } }
                        try sleep(.seconds(3600))
                    }
                    try yield()
                    throw Failure(number: 4)
                }
            }
            #expect(hub.greenletCount == 1)
        }
    }

    @Test func `a greenlet that is spawned in a scope that was left is reported as wrong use`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try green {
                var kept: GreenletScope?
                try withGreenlets { kept = $0 }
                kept?.spawn {}
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("Green: a greenlet is spawned in a scope that was left"))
    }

    @Test(arguments: World.allCases) func `where a scope gets no greenlet it fails with that`(_ world: World) throws {
        var options = HubOptions()
        options.greenletLimit = 3
        options.reservedGreenlets = 0
        try onHub(world, options) { hub throws in
            #expect(throws: GreenletLimit.self) {
                try withGreenlets { scope in
                    for _ in 0..<5 { scope.spawn { try sleep(.seconds(3600)) } }
                }
            }
            #expect(hub.greenletCount == 1)
        }
    }
}
