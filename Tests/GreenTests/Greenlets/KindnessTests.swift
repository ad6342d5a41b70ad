import Green
import Synchronization
import Testing

/// The ways in for who begins: a program is a few lines.
@Suite struct KindnessTests {
    @Test func `a program runs in a hub of its own, and gives its result`() throws {
        #expect(try green { try spawn { 2 }.get() + 1 } == 3)
        #expect(throws: Failure.self) { try green { throw Failure() } }
        #expect(try Hub().run { Hub.current.greenletCount } == 1)
    }

    @Test(arguments: World.allCases) func `moments are reckoned with`(_ world: World) throws {
        try onHub(world) { hub throws in
            let begin = Instant.now
            #expect(begin + .seconds(1) - begin == .seconds(1))
            #expect(begin - (begin + .seconds(1)) == .zero)
            #expect(Instant.never + .seconds(1) == .never)
            #expect(begin + .seconds(-1) == begin)
            let soon = Instant.in(.milliseconds(2))
            #expect(soon > begin)
            #expect(try !Event().wait(until: .in(.milliseconds(2))))
            #expect(Instant.now >= begin + .milliseconds(2))
        }
    }

    @Test(arguments: World.allCases) func `every kind of timeout is told by one question`(_ world: World) throws {
        try onHub(world) { hub throws in
            func isTimeout(_ body: () throws -> Void) -> Bool {
                do { try body() } catch { return error.isTimeout }
                return false
            }
            #expect(isTimeout { try withTimeout(.milliseconds(1)) { try sleep(.seconds(3600)) } })
            #expect(isTimeout { throw SocketError.timedOut })
            #expect(
                isTimeout {
                    try withTimeout(.milliseconds(1)) { () throws in try withTimeout(.seconds(9)) { try sleep(.seconds(99)) } }
                })
            #expect(!isTimeout { throw SocketError.refused })
            #expect(!isTimeout { throw Interruption.killed })
        }
    }

    @Test(arguments: World.allCases) func `a served port answers lines, read to any length and written as text`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let server = try serve(0) { connection in
                let reader = BufferedReader(connection)
                while let line = try reader.readLine(limit: 40) {
                    if line == "count" {
                        let count = Int(try reader.readLine() ?? "") ?? 0
                        try connection.write(try reader.readExactly(count).reversed()[...])
                    } else if line == "rest" {
                        try connection.write("\(try reader.readAll(limit: 100).count) more\n")
                    } else {
                        try connection.write("you said \(line)\n")
                    }
                }
            }
            let client = try StreamSocket.connect(to: server.address, until: hub.soon)
            let reader = BufferedReader(client)
            try client.write("hallo\r\nd")
            #expect(try reader.readLine(until: hub.soon) == "you said hallo")
            try client.write("u\ncount\n3\nabc")
            #expect(try reader.readLine(until: hub.soon) == "you said du")
            #expect(try reader.readExactly(3, until: hub.soon) == Array("cba".utf8))
            let rest: [UInt8] = Array("rest\nxyz".utf8)
            try client.write(rest.span.bytes)
            client.shutdownWrite()
            #expect(try reader.readLine(until: hub.soon) == "3 more")
            #expect(try reader.readLine(until: hub.soon) == nil)
            #expect(throws: SocketError.closed) { try reader.readExactly(1, until: hub.soon) }
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `what is longer than its limit is refused before it is kept`(_ world: World) throws {
        try onHub(world) { hub throws in
            let server = try serve(0) { connection in
                try connection.write(String(repeating: "x", count: 1_000))
                try sleep(.seconds(3600))
            }
            func reader() throws -> BufferedReader {
                BufferedReader(try StreamSocket.connect(to: server.address, until: hub.soon))
            }
            #expect(throws: BufferedReader.TooLong(limit: 100)) { try reader().readLine(limit: 100, until: hub.soon) }
            #expect(throws: BufferedReader.TooLong(limit: 999)) { try reader().readAll(limit: 999, until: hub.soon) }
            // Who is too late finds what had come.
            let patient = try reader()
            #expect(throws: SocketError.timedOut) { try patient.readExactly(2_000, until: .in(.milliseconds(20))) }
            #expect(try patient.readExactly(1_000, until: hub.soon).count == 1_000)
            server.stop()
        }
    }

    @Test(arguments: World.allCases) func `a server is served until it is stopped`(_ world: World) throws {
        try onHub(world) { hub throws in
            let server = try serve(0) { _ in }
            let serving = hub.spawn { try server.serveForever() }
            try sleep(.milliseconds(1))
            #expect(!serving.isDone)
            server.stop()
            #expect(try serving.get(until: hub.soon) != nil)
        }
    }

    @Test(arguments: World.allCases) func `a group of hubs is waited for until its last has ended`(_ world: World) throws {
        let simulated = VirtualWorld(seed: 3)
        let group = world == .simulated ? HubGroup(starter: simulated) : HubGroup()
        let ended = Mutex(0)
        let body: (Hub) throws -> Void = { hub in
            try group.join()
            let gate = ThreadQueue<Void>()
            for index in 0..<3 {
                group.start(name: "hub \(index)") {
                    _ = try gate.get()
                } ended: { _ in
                    ended.withLock { $0 += 1 }
                }
            }
            #expect(try !group.join(until: .in(.milliseconds(5))))
            gate.close()
            #expect(try group.join(until: hub.soon))
            #expect(ended.withLock { $0 } == 3 && group.count == 0)
        }
        if world == .simulated { try simulated.run(body) } else { try onHub { hub in try body(hub) } }
    }

    @Test(arguments: World.allCases) func `datagrams are served by a closure`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.datagram, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let socket = try DatagramSocket(listener: listener)
            let server = DatagramServer(socket: socket) { datagram in
                let reversed = (0..<datagram.count).reversed().map { datagram.bytes[$0] }
                guard let answer = Datagram(reversed) else { return }
                answer.setReturnPath(datagram.returnPath)
                socket.send(answer)
            }
            server.start()
            let client = try DatagramSocket(connectedTo: listener.address)
            if let question = Datagram([1, 2, 3]) { client.send(question) }
            #expect(try client.receiveBytes(until: hub.soon)?.bytes == [3, 2, 1])
            #expect(try server.stop(until: hub.soon))
        }
    }

    @Test func `an error names the host, the port or the path`() throws {
        try onHub { hub throws in
            func text(_ body: () throws -> Void) -> String {
                do { try body() } catch { return "\(error)" }
                return ""
            }
            let server = try serve(0) { _ in }
            let address = server.address
            #expect(text { try serve(address.port) { _ in } } == "127.0.0.1:\(address.port): the address is in use")
            server.stop()
            let refusal = "connection refused: nobody listens there"
            #expect(text { _ = try StreamSocket.connect(to: address, until: hub.soon) } == "\(address): \(refusal)")
            let named = text { _ = try StreamSocket.connect(toHost: "localhost", port: address.port, until: hub.soon) }
            #expect(named == "localhost:\(address.port): \(refusal)")
            #expect(text { _ = try lookUp("no-such-host.invalid") } == "no-such-host.invalid: no such host")
            #expect(text { _ = try StreamSocket.connect(toPath: "/nowhere/x") } == "/nowhere/x: no such file")
            #expect(text { _ = try hub.loop.files.read("/nowhere/y", limit: 1) } == "/nowhere/y: no such file")
            #expect(text { _ = try hub.loop.listen(path: "/nowhere/z", backlog: 1) } == "/nowhere/z: no such file")
            // Wherever it was met, it is the same error.
            #expect(throws: SocketError.refused) { try StreamSocket.connect(to: address, until: hub.soon) }
            do { _ = try StreamSocket.connect(to: address, until: hub.soon) } catch SocketError.refused {} catch {
                Issue.record("\(error)")
            }
        }
    }
}
