// Sends back each line over TLS, to who is done within a minute. `tls-echo CERTIFICATE KEY [PORT]`; try it with
// `openssl s_client -connect 127.0.0.1:PORT -CAfile CERTIFICATE`.
import Glibc
import Green
import GreenTLS

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2 else { fatalError("usage: tls-echo CERTIFICATE KEY [PORT]") }
try green {
    let identity = TLSIdentity(certificateFile: arguments[0], keyFile: arguments[1])
    let context = try blocking { try TLSContext.server(TLSServerOptions(identity: identity)) }
    let port = UInt16(arguments.dropFirst(2).first ?? "8443") ?? 8443
    let server = try serve(port, tls: context, limit: 100) { connection in
        let reader = BufferedReader(connection)
        try withTimeout(.seconds(60)) {
            while let line = try reader.readLine() { try connection.write("\(line)\n") }
        }
    }
    print("listening on \(server.address)")
    fflush(nil)
    for _ in try Signals([SIGINT, SIGTERM]) { break }
    try server.stop(until: .in(.seconds(1)))
    print("bye")
}
