import Green
import Testing

/// Wrong use ends the process, with a message that says what was wrong.
@Suite struct MisuseTests {
    @Test(.enabled(if: Hub.reportsOverflows)) func `a stack overflow is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var options = HubOptions()
            options.stackSize = 64 * 1024
            try Hub(loop: LibeventLoop(), options: options).run {
                print(MisuseTests.descend(1_000_000))
            }
        }
        #expect(text(result).contains("Green: stack overflow: a greenlet used up its stack of 64 KiB"))
    }

    @Test func `a wait outside of a greenlet is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try sleep(.seconds(1))
        }
        #expect(text(result).contains("no hub runs on this thread"))
    }

    @Test func `a wait in posted work is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let hub = Hub(loop: LibeventLoop())
            try hub.run {
                hub.post { try? yield() }
                try sleep(.seconds(1))
            }
        }
        #expect(text(result).contains("outside of a greenlet"))
    }

    @Test func `waiting on an object of another hub is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let event = Event(hub: Hub(loop: LibeventLoop()))
            try Hub(loop: LibeventLoop()).run { _ = try event.wait() }
        }
        #expect(text(result).contains("an object of another hub"))
    }

    @Test func `waiting while a lock is held is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let lock = Locked(0)
            try Hub(loop: LibeventLoop()).run { try lock.withLock { _ in try sleep(.seconds(1)) } }
        }
        #expect(text(result).contains("while a lock is held"))
    }

    @Test func `releasing a bounded semaphore too often is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Hub(loop: LibeventLoop()).run { BoundedSemaphore(1).release() }
        }
        #expect(text(result).contains("released more often than it was acquired"))
    }

    /// Calls itself so often, with a frame that the optimizer cannot take away.
    @inline(never)
    static func descend(_ depth: Int) -> Int {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 16) { frame in
            frame.initialize(repeating: depth)
            return depth == 0 ? 0 : descend(depth - 1) + frame[depth % 16]
        }
    }

    private func text(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
}
