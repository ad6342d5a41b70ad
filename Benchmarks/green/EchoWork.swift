import Glibc
import Green

/// An echo server, and 1,000 connections that keep it busy.
enum EchoWork {
    /// Serves until it is ended.
    static func serve(port: UInt16) throws {
        try Hub(loop: LibeventLoop()).run {
            let address = SocketAddress(.loopback, port: port)
            let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
            let server = try StreamServer(listener: listener, limit: 2000) { connection in
                while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty { try connection.write(bytes) }
            }
            server.start()
            try Event().wait()
        }
    }

    /// Sends 64 bytes and awaits them, over and over on each of 1,000 connections for `seconds`: how many round trips.
    static func load(port: UInt16, seconds: Int) throws {
        try Hub(loop: LibeventLoop()).run {
            let hub = Hub.current
            let connections = try (0..<1000).map { _ in
                try StreamSocket.connect(
                    to: SocketAddress(.loopback, port: port), until: hub.loop.now().advanced(by: .seconds(10)))
            }
            let end = hub.loop.now().advanced(by: .seconds(seconds))
            var count = 0
            let message = [UInt8](repeating: 7, count: 64)
            let group = Group()
            for connection in connections {
                try group.spawn {
                    var buffer = [UInt8](repeating: 0, count: 64)
                    while hub.now < end {
                        try connection.write(message)
                        _ = try buffer.withUnsafeMutableBytes { try connection.readExactly(into: $0, until: .never) }
                        count += 1
                    }
                }
            }
            try group.join()
            print(count)
        }
    }
}
