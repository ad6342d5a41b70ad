import Glibc
import Green
import Testing

/// What can be done with the handle of a greenlet, and with groups and queues of them.
@Suite struct HandleTests {
    @Test(arguments: World.allCases) func `a result is waited for no longer than asked`(_ world: World) throws {
        try onHub(world) { hub throws in
            let enough = Event()
            let slow = hub.spawn {
                try enough.wait()
                return 3
            }
            #expect(try slow.get(until: .in(.milliseconds(1))) == nil)
            #expect(try !slow.join(until: .in(.milliseconds(1))))
            enough.set()
            #expect(try slow.get(until: hub.soon) == 3)
        }
    }

    @Test(arguments: World.allCases) func `a kill may say why, to who cleans up and to who waits`(_ world: World) throws {
        try onHub(world) { hub throws in
            var seen: (any Error)?
            let greenlet = hub.spawn {
                do { try sleep(.seconds(3600)) } catch {
                    seen = AnyGreenlet.current?.killReason
                    throw error
                }
            }
            try yield()
            greenlet.kill(with: Failure(number: 4))
            greenlet.kill(with: Failure(number: 5))
            #expect(throws: Failure(number: 4)) { try greenlet.get() }
            #expect(seen as? Failure == Failure(number: 4))
            // One that ends in another way has its own result.
            let stubborn = hub.spawn {
                try? sleep(.seconds(3600))
                return 6
            }
            try yield()
            stubborn.kill(with: Failure())
            #expect(try stubborn.get() == 6)
            let group = Group()
            let members = try (0..<3).map { _ in try group.spawn { try sleep(.seconds(3600)) } }
            try yield()
            group.kill(with: Failure(number: 7))
            for member in members { #expect(throws: Failure(number: 7)) { try member.get() } }
            #expect(AnyGreenlet.current?.name == "root")
        }
        #expect(AnyGreenlet.current == nil)
    }

    @Test(arguments: World.allCases) func `a report says where the greenlet was spawned, and a description whom by`(
        _ world: World
    )
        throws
    {
        let reported = Locked<[String]>([])
        var options = HubOptions()
        options.report = { name, _ in reported.withLock { $0.append(name) } }
        try onHub(world, options) { hub throws in
            let line = #line + 1
            spawn(name: "careless") { throw Failure() }
            try sleep(.milliseconds(1))
            #expect(reported.withLock { $0 } == ["careless (spawned at \(#fileID):\(line))"])
            spawn(name: "parent") {
                spawn(name: "child") { try sleep(.seconds(3600)) }
                try sleep(.seconds(3600))
            }
            spawn(name: "other") { try sleep(.seconds(3600)) }
            try sleep(.milliseconds(2))
            let infos = hub.greenlets
            let (parent, child) = (infos.first { $0.name == "parent" }, infos.first { $0.name == "child" })
            #expect(child?.spawner == parent?.number && child?.spawnPoint?.line == UInt32(line + 4))
            #expect(child?.waited ?? .zero > .zero)
            let names = hub.describeGreenlets().split(separator: "\n").dropFirst().map { $0.prefix { $0 != ":" } }
            #expect(names == ["  root", "    parent", "      child", "    other"])
        }
    }

    /// Something to wait for that counts how often it was looked at.
    final class Counted: Waitable {
        var looks = 0
        let event = Event()
        var isReady: Bool {
            looks += 1
            return event.isSet
        }
        func link(_ call: @escaping () -> Void) -> Link { event.link(call) }
    }

    @Test(arguments: World.allCases) func `waiting for many looks at each a few times, however many there are`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let all = (0..<1_000).map { _ in Counted() }
            let setter = spawn {
                for one in all.reversed() {
                    one.event.set()
                    try yield()
                }
            }
            let ready = try waitAll(all, until: hub.soon)
            #expect(ready.count == 1_000 && ready.first === all.last)
            #expect(all.reduce(0) { $0 + $1.looks } < 10_000)
            try setter.get()
            // What was ready for a moment only is waited for again.
            let (flag, queue) = (Event(), Queue<Int>())
            spawn {
                queue.tryPut(1)
                flag.set()
                _ = queue.tryGet()
                try sleep(.milliseconds(1))
                queue.tryPut(2)
            }
            #expect(try waitAll([queue, flag], until: hub.soon).count == 2 && queue.peek == 2)
            #expect(try waitAll([Event(), flag], count: 1, until: hub.soon).count == 1)
        }
    }

    @Test func `what a hub is doing is told to who connects to its socket`() throws {
        try onHub { hub throws in
            let path = "/tmp/green-describe-\(hub.loop.random())"
            defer { unlink(path) }
            let server = try hub.serveDescription(at: path)
            var info = stat()
            #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
            let client = try StreamSocket.connect(toPath: path, until: hub.soon)
            #expect(client.peerUser == geteuid())
            let text = String(decoding: try BufferedReader(client).readAll(until: hub.soon), as: UTF8.self)
            #expect(text.hasPrefix("hub: ") && text.contains("\n  root: waiting for readable socket"))
            server.stop()
        }
    }

    @Test func `sockets that somebody else bound are taken over`() throws {
        try onHub { hub throws in
            let bound = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            #expect(throws: SocketError.self) { try Listener(adopting: bound) }
            #expect(listen(bound, 5) == 0)
            let listener = try Listener(adopting: bound)
            #expect(listener.kind == .stream && listener.address.port > 0)
            let server = try StreamServer(listener: listener, limit: 5) { try $0.write("hello\n") }
            server.start()
            let address = SocketAddress(.loopback, port: listener.address.port)
            let client = try StreamSocket.connect(to: address, until: hub.soon)
            #expect(try BufferedReader(client).readLine(until: hub.soon) == "hello")
            server.stop()
            #expect(throws: SocketError.self) { try Listener(adopting: -1) }
            #expect(try Listener.fromServiceManager().isEmpty)
        }
    }

    @Test(arguments: World.allCases) func `a chain of 10,000 greenlets is described`(_ world: World) throws {
        try onHub(world) { hub throws in
            func next(_ left: Int) {
                spawn {
                    if left > 0 { next(left - 1) }
                    try sleep(.seconds(3600))
                }
            }
            next(10_000)
            while hub.greenletCount < 10_002 { try yield() }
            #expect(hub.describeGreenlets().split(separator: "\n").count == 10_003)
        }
    }

    @Test func `greenlets that wait for each other are reported, with where they were spawned`() async {
        await #expect(processExitsWith: .success) {
            var options = HubOptions()
            options.report = { name, error in
                let text = "\(name): \(error)"
                guard text.hasPrefix("hub: all greenlets wait"), text.contains("first: waiting for event since"),
                    text.contains("HandleTests.swift:")
                else { fatalError(text) }
                exit(0)
            }
            try green(options: options) {
                let (one, other) = (Event(), Event())
                spawn(name: "first") {
                    try one.wait()
                    other.set()
                }
                try other.wait()
            }
        }
    }

    /// What a greenlet may wait for that is not of its hub alone.
    enum Outside: CaseIterable {
        case socket, signal, thread, task, blocking, post
    }

    @Test(arguments: Outside.allCases) func `a hub that waits for something outside is not taken for stuck`(_ what: Outside)
        throws
    {
        try onHub { hub throws in
            let inner = spawn { try Event().wait() }
            try yield()
            #expect(hub.isDeadlocked)
            var signals: Signals?
            let outer = spawn {
                switch what {
                case .socket: try serve(0) { _ in }.serveForever()
                case .signal: signals = try Signals([SIGUSR1])
                case .thread: _ = try ThreadQueue<Int>().get()
                case .task: try awaiting { try await Task.sleep(for: .seconds(3600)) }
                case .blocking: _ = try blocking { usleep(10_000) }
                case .post: _ = hub.mailbox
                }
            }
            for _ in 0..<3 { try yield() }
            #expect(!hub.isDeadlocked)
            signals?.close()
            outer.kill()
            inner.kill()
        }
    }

    @Test(arguments: World.allCases) func `a hub is joined when all others have ended`(_ world: World) throws {
        try onHub(world) { hub throws in
            #expect(try hub.join())
            var ended = 0
            for _ in 0..<5 {
                spawn {
                    try sleep(.milliseconds(2))
                    spawn { ended += 1 }
                }
            }
            // Who waits there too is not waited for.
            let second = spawn { try hub.join() }
            #expect(try !hub.join(until: .in(.milliseconds(1))))
            #expect(try hub.join())
            #expect(try second.get() && ended == 5)
        }
    }

    @Test(arguments: World.allCases) func `a pool starts what it has a place for, or later`(_ world: World) throws {
        try onHub(world) { hub throws in
            let pool = Pool(size: 2)
            let gate = Event()
            let first = pool.trySpawn { try gate.wait() }
            let second = pool.trySpawn { try gate.wait() }
            #expect(first != nil && second != nil && pool.trySpawn { 1 } == nil)
            let later = pool.applyAsync { 5 }
            let unwanted = pool.applyAsync { try sleep(.seconds(3600)) }
            try sleep(.milliseconds(1))
            #expect(!later.isDone && pool.count == 2)
            gate.set()
            #expect(try later.get(until: hub.soon) == 5)
            try sleep(.milliseconds(1))
            #expect(pool.count == 1)
            unwanted.kill()
            #expect(try pool.join(until: hub.soon))
            // One that is let go of leaves its place, and goes on.
            let own = try pool.spawn { try sleep(.milliseconds(5)) }
            pool.discard(own)
            #expect(pool.count == 0 && pool.freeCount == 2 && !own.isDone)
            pool.add(own)
            pool.add(own)
            #expect(pool.count == 1)
            try own.get()
            #expect(pool.count == 0)
        }
    }

    @Test(arguments: World.allCases) func `a lazy map keeps the order, and no further ahead than asked`(_ world: World) throws {
        try onHub(world) { hub throws in
            let pool = Pool(size: 10)
            var started = 0
            var results: [Int] = []
            for result in pool.imap(
                0..., ahead: 4,
                { number in
                    started += 1
                    try sleep(.milliseconds((number * 7) % 5))
                    if number == 20 { throw Failure() }
                    return number
                })
            {
                guard let number = try? result.get() else { break }
                results.append(number)
                #expect(started <= number + 7)
                try yield()
            }
            #expect(results == Array(0..<20))
            #expect(try pool.join(until: hub.soon))
            #expect(try hub.join(until: hub.soon))
        }
    }

    @Test(arguments: World.allCases) func `a result may be given up`(_ world: World) throws {
        try onHub(world) { hub throws in
            let result = AsyncResult<Int>()
            let waiting = hub.spawn { try result.get() }
            try yield()
            #expect(result.cancel())
            #expect(throws: Cancelled.self) { try waiting.get() }
            result.set(1)
            #expect(throws: Cancelled.self) { try result.get() }
            let there = AsyncResult<Int>()
            there.set(2)
            #expect(try !there.cancel() && there.get() == 2)
        }
    }

    @Test(arguments: World.allCases) func `a queue begins with items, shows the next, and may be closed at once`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let queue = Queue([3, 1, 2], limit: 2)
            #expect(queue.peek == 3 && queue.count == 3 && queue.isFull)
            #expect(PriorityQueue([3, 1, 2]).peek == 1 && LifoQueue([3, 1, 2]).peek == 2)
            #expect(Queue<Int>().peek == nil)
            queue.close(immediate: true)
            #expect(try queue.get() == nil)
            let tasks = JoinableQueue<Int>()
            try tasks.put(1)
            tasks.close(immediate: true)
            #expect(try tasks.join(until: hub.soon))
        }
    }

    @Test(arguments: World.allCases) func `going through a queue by forEach throws the kill that ends it`(_ world: World) throws {
        try onHub(world) { hub throws in
            let (queue, channel) = (Queue<Int>(), Channel<Int>())
            var sum = 0
            let both = [
                hub.spawn { try queue.forEach { sum += $0 } }, hub.spawn { try channel.forEach { sum += $0 } },
            ]
            try queue.put(1)
            try channel.send(2)
            try yield()
            for greenlet in both {
                greenlet.kill()
                #expect(throws: Interruption.killed) { try greenlet.get() }
            }
            #expect(sum == 3)
            queue.tryPut(4)
            queue.close()
            try queue.forEach { sum += $0 }
            #expect(sum == 7)
        }
    }
}
