import Glibc
import Green
import Testing

/// Files, processes, idle moments and silent connections.
@Suite struct WatchTests {
    private func write(_ text: String, to path: String) {
        let file = fopen(path, "w")!
        fputs(text, file)
        fclose(file)
    }

    /// Runs `body` with a folder of its own.
    private func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/green-watch-XXXXXX".utf8CString)
        let path = String(cString: mkdtemp(&template)!)
        defer { rmdir(path) }
        try body(path)
    }

    @Test func `a file is seen to be made, written, replaced and removed, and no other`() throws {
        try withFolder { folder in
            try onHub { hub throws in
                let (path, other) = ("\(folder)/one", "\(folder)/other")
                let watch = try FileWatch(path)
                func quiet() throws -> Bool { try !watch.wait(until: hub.loop.now() + .milliseconds(1)) }
                #expect(try quiet())
                write("1", to: path)
                #expect(try watch.wait(until: hub.soon))
                write("2", to: other)
                #expect(try quiet())
                let waiting = hub.spawn { try watch.wait(until: hub.soon) }
                try yield()
                rename(other, path)
                #expect(try waiting.get())
                chmod(path, 0o400)
                #expect(try watch.wait(until: hub.soon))
                unlink(path)
                #expect(try watch.wait(until: hub.soon))
                #expect(try quiet())
                #expect(throws: SocketError.notFound) { try FileWatch("\(folder)/nowhere/file") }
                #expect(throws: SocketError.self) { try FileWatch("\(folder)/") }
            }
        }
    }

    @Test func `a watch ends with its folder`() throws {
        try withFolder { folder in
            try onHub { hub throws in
                mkdir("\(folder)/in", 0o700)
                let watch = try FileWatch("\(folder)/in/file")
                rmdir("\(folder)/in")
                #expect(try watch.wait(until: hub.soon))
                // It would never tell of anything again.
                for _ in 0..<2 { #expect(throws: SocketError.closed) { try watch.wait(until: hub.soon) } }
                mkdir("\(folder)/in", 0o700)
                let again = try FileWatch("\(folder)/in/file")
                rename("\(folder)/in", "\(folder)/away")
                #expect(try again.wait(until: hub.soon))
                #expect(throws: SocketError.closed) { try again.wait(until: hub.soon) }
                rmdir("\(folder)/away")
            }
        }
    }

    @Test func `the end of any process is waited for, beside other things`() throws {
        try onHub { hub throws in
            let child = try ChildProcess(["cat"])
            let watch = try ProcessWatch(child.number)
            #expect(!watch.hasEnded)
            #expect(try !watch.wait(until: hub.loop.now() + .milliseconds(1)))
            let ended = hub.spawn { try select([.ready(watch.ended) { true }], until: hub.soon) }
            try yield()
            child.input.close()
            #expect(try ended.get() == true)
            #expect(try watch.wait(until: hub.soon) && watch.hasEnded)
            #expect(try child.wait(until: hub.soon) == .exited(0))
            #expect(throws: SocketError.self) { try ProcessWatch(child.number) }
            #expect(throws: SocketError.self) { try ProcessWatch(-1) }
        }
    }

    @Test(arguments: World.allCases) func `an idle moment is one in which nobody else has anything to do`(_ world: World) throws {
        try onHub(world) { hub throws in
            var steps: [String] = []
            let busy = hub.spawn {
                for _ in 0..<20 { try yield() }
                steps.append("busy")
            }
            for number in 1...2 {
                hub.spawn {
                    try idle()
                    steps.append("idle \(number)")
                }
            }
            try busy.join()
            #expect(steps == ["busy"])
            try sleep(.milliseconds(5))
            #expect(steps == ["busy", "idle 1", "idle 2"])
            // While somebody is always ready there is none.
            let restless = hub.spawn { while true { try yield() } }
            #expect(try !idle(until: hub.loop.now() + .milliseconds(2)))
            restless.kill()
            try restless.join()
            #expect(try idle(until: hub.soon))
        }
    }

    /// Answers each line in a greenlet of its own; between two a connection has none.
    final class Parking: StreamServer {
        var parked: [ObjectIdentifier: StreamSocket] = [:]

        override func take(_ connection: StreamSocket) -> Bool {
            park(connection)
            return true
        }

        private func park(_ connection: StreamSocket) {
            parked[ObjectIdentifier(connection)] = connection
            connection.whenReadable { [unowned self, unowned connection] in
                let socket = parked.removeValue(forKey: ObjectIdentifier(connection))!
                spawn {
                    let bytes = try socket.read(upTo: 100)
                    guard !bytes.isEmpty else { return }
                    try socket.write(bytes)
                    self.park(socket)
                }
            }
        }
    }

    @Test(arguments: World.allCases) func `a silent connection needs no greenlet`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = try Parking(listener: listener, limit: 10)
            server.start()
            let clients = try (0..<20).map { _ in try StreamSocket.connect(to: server.address, until: hub.soon) }
            for round in 0..<3 {
                for client in clients {
                    try client.write([UInt8(round)])
                    #expect(try client.read(upTo: 10, until: hub.soon) == [UInt8(round)])
                }
                try idle(until: hub.soon)
                // This one and the server's own.
                #expect(hub.greenletCount == 2 && server.parked.count == 20)
            }
            for client in clients { client.close() }
            while !server.parked.isEmpty { try sleep(.milliseconds(1)) }
            server.stop()
        }
    }

    @Test func `an address has a name where the machine's resolver knows one`() throws {
        try onHub { _ throws in
            #expect(throws: SocketError.notFound) { try lookUp(nameOf: IPAddress("127.255.7.7")!) }
        }
        try onHub(.simulated) { hub throws in
            let world = (hub.loop as! VirtualLoop).world
            world.names.set("server.example", [IPAddress("192.0.2.7")!])
            #expect(try lookUp(nameOf: IPAddress("192.0.2.7")!) == "server.example")
            #expect(throws: SocketError.notFound) { try lookUp(nameOf: IPAddress("192.0.2.8")!) }
        }
    }
}
