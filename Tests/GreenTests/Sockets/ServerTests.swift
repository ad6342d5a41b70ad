import Green
import Testing

@Suite struct ServerTests {
    private func serve(_ hub: Hub, limit: Int = 10, _ handler: @escaping (StreamSocket) throws -> Void) throws -> StreamServer {
        let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
        let server = try StreamServer(listener: listener, limit: limit, handler: handler)
        server.start()
        return server
    }

    @Test(arguments: World.allCases)
    func `a stop lets open connections end, takes no more, and ends who is late`(_ world: World) throws {
        try onHub(world) { hub throws in
            var ends: [String] = []
            let server = try serve(hub) { connection in
                do {
                    while case let bytes = try connection.read(upTo: 100), !bytes.isEmpty { try connection.write(bytes) }
                    ends.append("by itself")
                } catch {
                    ends.append("\(error)")
                    throw error
                }
            }
            let clients = try (0..<2).map { _ in try StreamSocket.connect(to: server.address, until: hub.soon) }
            for client in clients {
                try client.write([1])
                #expect(try client.read(upTo: 1, until: hub.soon) == [1])
            }
            #expect(server.connectionCount == 2)
            let stopping = hub.spawn { try server.stop(until: hub.loop.now().advanced(by: .milliseconds(500))) }
            try yield()
            #expect(throws: SocketError.refused) { try StreamSocket.connect(to: server.address, until: hub.soon) }
            try clients[0].write([2])
            #expect(try clients[0].read(upTo: 1, until: hub.soon) == [2])
            clients[0].close()
            try stopping.get()
            #expect(ends == ["by itself", "killed"] && server.connectionCount == 0)
            #expect(try clients[1].read(upTo: 1, until: hub.soon).isEmpty)
        }
    }

    /// Closes a connection for the next one, and is stopped by another greenlet before that is served.
    final class Stopped: StreamServer {
        var open: [StreamSocket] = []

        override func handle(_ connection: StreamSocket) throws {
            open.append(connection)
            while try !connection.read(upTo: 100).isEmpty {}
        }

        override func makeRoom() {
            open.first?.close()
            hub.spawn { self.stop() }
        }
    }

    @Test(arguments: World.allCases)
    func `a connection that was accepted when the stop came is neither served nor counted as refused`(_ world: World) throws {
        try onHub(world) { hub throws in
            let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: 0), options: ListenOptions())
            let server = try Stopped(listener: listener, limit: 1)
            server.start()
            let first = try StreamSocket.connect(to: server.address, until: hub.soon)
            while server.open.isEmpty { try hub.yield(afterEvents: true) }
            let second = try StreamSocket.connect(to: server.address, until: hub.soon)
            #expect(try first.read(upTo: 1, until: hub.soon).isEmpty)
            _ = try? second.read(upTo: 1, until: hub.soon)
            #expect(server.open.count == 1 && server.connectionCount == 0 && server.refusedCount == 0)
        }
    }

    @Test(arguments: World.allCases) func `bytes that are followed by a close at once arrive, and then the end`(_ world: World)
        throws
    {
        try onHub(world) { hub throws in
            let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let server = try serve(hub) { connection in try connection.write(sent) }
            for _ in 0..<10 {
                let client = try StreamSocket.connect(to: server.address, until: hub.soon)
                var received: [UInt8] = []
                while case let bytes = try client.read(upTo: 200_000, until: hub.soon), !bytes.isEmpty { received += bytes }
                #expect(received == sent)
            }
            server.stop()
        }
    }
}
