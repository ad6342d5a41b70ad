import Glibc
import Green
import Testing

/// A listener whose system gives it no connections rests, for longer each time, and says so once.
@Suite struct AcceptTests {
    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC])
    func `a listener out of descriptors rests, says so once, and says that it is over`(_ code: Int32) async {
        await #expect(processExitsWith: .success) { [code = code as Int32] in
            let messages = Locked<[LibraryMessage]>([])
            LibraryMessages.handle { message in messages.withLock { $0.append(message) } }
            let world = VirtualWorld(seed: 1)
            var attempts = 0
            world.onEvent = { _, event, _, _ in if event.description == "accept refused" { attempts += 1 } }
            try world.run { hub throws in
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                let server = try StreamServer(listener: listener, limit: 10) { try $0.write([1]) }
                server.start()
                for round in 1...2 {
                    world.host.acceptError = code
                    attempts = 0
                    let client = try StreamSocket.connect(to: listener.address, until: hub.soon)
                    try sleep(.seconds(10))
                    guard (5...20).contains(attempts) else { fatalError("\(attempts) attempts in 10 s") }
                    guard messages.withLock({ $0.count }) == 2 * round - 1 else { fatalError("\(messages.withLock { $0 })") }
                    world.host.acceptError = nil
                    guard try client.read(upTo: 1, until: hub.soon) == [1] else { fatalError("not served") }
                    guard messages.withLock({ $0.count }) == 2 * round - 1 else { fatalError("\(messages.withLock { $0 })") }
                    try sleep(.seconds(10))
                    _ = try StreamSocket.connect(to: listener.address, until: hub.soon).read(upTo: 1, until: hub.soon)
                    guard messages.withLock({ $0.count }) == 2 * round else { fatalError("\(messages.withLock { $0 })") }
                }
                server.stop()
            }
            guard messages.withLock({ $0.map(\.level) }) == [.warning, .info, .warning, .info] else { fatalError("levels") }
        }
    }

    @Test func `a listener that gets a connection for each that ends says so once, not each time`() async {
        await #expect(processExitsWith: .success) {
            let messages = Locked<[LibraryMessage]>([])
            LibraryMessages.handle { message in messages.withLock { $0.append(message) } }
            let world = VirtualWorld(seed: 1)
            try world.run { hub throws in
                let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
                let server = try StreamServer(listener: listener, limit: 10) { try $0.write([1]) }
                server.start()
                for _ in 0..<500 {
                    world.host.acceptError = EMFILE
                    let client = try StreamSocket.connect(to: listener.address, until: hub.soon)
                    try sleep(.milliseconds(20))
                    world.host.acceptError = nil
                    guard try client.read(upTo: 1, until: hub.soon) == [1] else { fatalError("not served") }
                }
                server.stop()
            }
            guard messages.withLock({ $0.map(\.level) }) == [.warning] else { fatalError("\(messages.withLock { $0.count })") }
        }
    }

    @Test func `what libevent says goes to the program's handler, and not more than ten times a second`() async {
        await #expect(processExitsWith: .success) {
            let messages = Locked<[LibraryMessage]>([])
            LibraryMessages.handle { message in messages.withLock { $0.append(message) } }
            try Hub(loop: LibeventLoop()).run {
                // A descriptor that epoll cannot watch: libevent warns of each.
                let file = open("/proc/self/status", O_RDONLY)
                for _ in 0..<1000 { _ = try? DescriptorWatch(file) }
                close(file)
            }
            let count = messages.withLock { $0.count }
            guard count >= 1, count <= 30, messages.withLock({ $0[0].source }) == "libevent" else { fatalError("\(count)") }
        }
    }

    @Test(arguments: World.allCases) func `a handler's error is reported, unless a peer can cause it as it pleases`(
        _ world: World
    ) throws {
        let reported = Locked<[String]>([])
        var options = HubOptions()
        options.report = { _, error in reported.withLock { $0.append("\(error)") } }
        try onHub(world, options) { hub throws in
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            var count = 0
            let server = try StreamServer(listener: listener, limit: 10) { _ in
                count += 1
                throw count == 1 ? SocketError.reset : Failure(number: count)
            }
            server.start()
            for _ in 0..<2 {
                let client = try StreamSocket.connect(to: listener.address, until: hub.soon)
                #expect(try client.read(upTo: 1, until: hub.soon).isEmpty)
            }
            server.stop()
        }
        #expect(reported.withLock { $0 } == ["Failure(number: 2)"])
    }
}
