// Sends back whatever comes, to as many as 1000 at once. `echo-server [PORT]`; try it with `nc 127.0.0.1 PORT`.
import Glibc
import Green

let port = UInt16(CommandLine.arguments.dropFirst().first ?? "8007") ?? 8007
let hub = Hub(loop: LibeventLoop())
try hub.run {
    let listener = try hub.loop.listen(.stream, at: SocketAddress(.loopback, port: port), options: ListenOptions())
    let server = try StreamServer(listener: listener, limit: 1000) { connection in
        while case let bytes = try connection.read(upTo: 4096), !bytes.isEmpty {
            try connection.write(bytes)
        }
    }
    server.start()
    print("listening on \(server.address)")
    fflush(nil)
    for _ in try Signals([SIGINT, SIGTERM]) { break }
    print("bye")
}
