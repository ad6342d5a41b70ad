// Counts as far as it is asked to, a line at a time, and no faster than the client reads. `http-server [PORT]`; try it with
// `curl http://127.0.0.1:PORT/count?to=1000000`.
import Glibc
import Green
import GreenHTTP

/// One request to one response. It may wait, as here between two lines where it is asked to be slow.
func answer(_ request: HTTPRequest) throws -> HTTPResponse {
    guard request.path == "/count" else { throw HTTPError(404, "try /count?to=10, or /count?to=10&slow=1") }
    guard let last = Int(request.query("to") ?? "10"), last >= 0 else { throw HTTPError(400, "to: a number, please") }
    var number = 0
    return HTTPResponse(
        .pieces {
            if number == last { return nil }
            if request.query("slow") != nil { try sleep(.milliseconds(500)) }
            number += 1
            return Array("\(number)\n".utf8)
        })
}

let port = UInt16(CommandLine.arguments.dropFirst().first ?? "8008") ?? 8008
let hub = Hub(loop: LibeventLoop())
try hub.run {
    let server = try HTTPServer(handler: answer)
    print("listening on \(try server.listen(at: SocketAddress(.loopback, port: port)))")
    fflush(nil)
    for _ in try Signals([SIGINT, SIGTERM]) { break }
    try server.stop(within: .seconds(2))
    print("bye")
}
