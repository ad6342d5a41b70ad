import Glibc
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

    @Test(.enabled(if: Hub.reportsOverflows)) func `a frame that leaps over a page of the stack's guard is reported too`()
        async throws
    {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Hub(loop: LibeventLoop()).run {
                // Others' stacks lie below and above.
                let others = (0..<4).map { _ in spawn { try sleep(.seconds(1)) } }
                print(try spawn { MisuseTests.fillFrame() }.get(), others.count)
            }
        }
        #expect(text(result).contains("Green: stack overflow: a greenlet used up its stack of 256 KiB"))
    }

    /// Fills 300,000 bytes of its frame, as a C function with a large buffer does.
    @inline(never)
    static func fillFrame() -> Int {
        var buffer = InlineArray<300_000, UInt8>(repeating: 1)
        return withUnsafeMutableBytes(of: &buffer) { bytes in bytes.reduce(0) { $0 + Int($1) } }
    }

    @Test func `a wait outside of a greenlet is reported as what it is`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try { try sleep(.seconds(1)) }()
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

    /// What belongs to a hub, used by a thread that runs none.
    enum Use: String, CaseIterable, CustomTestStringConvertible {
        case event, clear, result, queue, stack, channel, semaphore, waiter, greenlet, group, socket, datagram, timer, spawn
        case datagramClose, datagramReceive, watchClose, watchWait, server

        var testDescription: String { rawValue }

        /// Something of the running hub, and the way to use it that must be refused elsewhere.
        func prepare(_ hub: Hub) throws -> () -> Void {
            switch self {
            case .event: return Event().set
            case .clear: return Event().clear
            case .result:
                let result = AsyncResult<Int>()
                return { result.set(1) }
            case .queue:
                let queue = Queue<Int>()
                return { queue.tryPut(1) }
            case .stack:
                let stack = LifoQueue<Int>()
                stack.tryPut(1)
                return { _ = stack.tryGet() }
            case .channel: return Channel<Int>().close
            case .semaphore: return Semaphore(1).release
            case .waiter: return try waiter(hub)
            case .greenlet: return hub.spawn { try sleep(.seconds(3600)) }.kill
            case .group:
                let (group, greenlet) = (Group(), hub.spawn { try sleep(.seconds(3600)) })
                return { group.add(greenlet) }
            case .socket: return try socket(hub)
            case .datagram:
                let socket = try DatagramSocket(connectedTo: SocketAddress(.loopback, port: 9))
                return { socket.send(Datagram(hub: hub)!) }
            case .timer:
                let timer = HubTimer {}
                return { timer.fire(at: .never) }
            case .spawn: return { hub.spawn {} }
            case .datagramClose: return try DatagramSocket(connectedTo: SocketAddress(.loopback, port: 9)).close
            case .datagramReceive:
                let socket = try DatagramSocket(connectedTo: SocketAddress(.loopback, port: 9))
                return { _ = try? socket.receive(until: hub.now) { _ in } }
            case .watchClose: return try watch().close
            case .watchWait:
                let watch = try watch()
                return { _ = try? watch.waitWritable() }
            case .server:
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                return try StreamServer(listener: listener, limit: 1).stop
            }
        }

        private func watch() throws -> DescriptorWatch {
            // The writing end of a pipe, which the end of the process closes.
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            return try DescriptorWatch(ends[1])
        }

        private func waiter(_ hub: Hub) throws -> () -> Void {
            var waiter: Waiter?
            hub.spawn { _ = try Waiter.wait(for: "nothing", until: .never) { waiter = $0 } }
            try yield()
            return waiter!.wake
        }

        private func socket(_ hub: Hub) throws -> () -> Void {
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let client = try StreamSocket.connect(to: listener.address, until: hub.soon)
            return { try? client.write([1]) }
        }
    }

    /// Uses a hub's object on a thread of its own, or by another hub's greenlet.
    static func misuse(_ use: Use, inHub: Bool) throws {
        let hub = Hub(loop: LibeventLoop())
        try hub.run {
            let action = HubBox(try use.prepare(hub))
            let isDone = Event()
            let (done, mailbox) = (HubBox(isDone), hub.mailbox)
            HubGroup().start(name: "elsewhere") {
                if inHub { action.value() } else { try blocking { action.value() } }
            } ended: { _ in
                mailbox.post { done.value.set() }
            }
            try isDone.wait()
        }
    }

    @Test(arguments: Use.allCases) func `touching what belongs to another thread's hub is reported as what it is`(_ use: Use)
        async throws
    {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [use = use.rawValue as String] in
            try MisuseTests.misuse(Use(rawValue: use)!, inHub: true)
        }
        #expect(text(result).contains("that belongs to another thread's hub was used"))
    }

    @Test(arguments: [4097, -1]) func `a datagram longer than its buffer is reported as what it is`(_ count: Int) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [count = count as Int] in
            try Hub(loop: LibeventLoop()).run { Datagram(hub: Hub.current)!.count = count }
        }
        #expect(text(result).contains("Green: a datagram of \(count) bytes in a buffer of 4096"))
    }

    @Test func `a thread without a hub may not touch it either`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try MisuseTests.misuse(.event, inHub: false)
        }
        #expect(text(result).contains("an event that belongs to another thread's hub was used"))
    }

    @Test func `before and after a hub's run, in posted work and in timers its objects may be used`() throws {
        let hub = Hub(loop: LibeventLoop())
        let (event, queue) = (Event(hub: hub), Queue<Int>(hub: hub))
        queue.tryPut(1)
        let box = HubBox((event, queue))
        try hub.run { () throws in
            let ticked = Event()
            let timer = HubTimer { ticked.set() }
            timer.fire(at: hub.now)
            hub.post { box.value.0.set() }
            #expect(try event.wait(until: hub.soon))
            #expect(try ticked.wait(until: hub.soon))
            #expect(try queue.get() == 1)
        }
        event.clear()
        queue.close()
        #expect(!event.isSet && queue.isClosed)
    }

    @Test func `a waiter may be woken long after its hub has gone`() throws {
        var waiter: Waiter?
        try onHub { hub throws in
            _ = try Waiter.wait(for: "nothing", until: hub.now) { waiter = $0 }
        }
        waiter?.wake()
    }

    @Test func `greenlets of a hub that nobody ran end with it, without having run`() throws {
        var hub: Hub? = Hub(loop: LibeventLoop())
        let greenlet = hub!.spawn { "result" }
        #expect(!greenlet.isDone)
        hub = nil
        #expect(greenlet.isDone && greenlet.value == nil)
        #expect(throws: Interruption.killed) { try greenlet.get() }
        greenlet.kill()
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
