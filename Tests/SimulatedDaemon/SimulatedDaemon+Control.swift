internal import Green

/// The control socket's place.
package let simulatedControlPath = "/run/vireo/control.sock"

extension SimulatedDaemon {
    /// The status and body of the response to a request of the control socket. The settings must name its place
    /// (`control: /run/vireo/control.sock`, `control-mode: "0660"`).
    package func request(_ method: String, _ target: String) throws -> (status: Int, body: String) {
        try world.call(on: host, name: "operator") { hub in
            let socket = try StreamSocket.connect(toPath: simulatedControlPath, until: hub.now.advanced(by: .seconds(5)))
            let deadline = hub.now.advanced(by: .seconds(60))
            let head = "\(method) \(target) HTTP/1.1\r\nHost: vireo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            try socket.write(Array(head.utf8), until: deadline)
            var bytes: [UInt8] = []
            while true {
                let more = try socket.read(upTo: 4096, until: deadline)
                if more.isEmpty { break }
                bytes += more
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let status = Int(parts[0].dropFirst(9).prefix(3)) else {
                throw SimulationError("no response of the control socket: \(text.prefix(80))")
            }
            return (status, String(parts[1]))
        }
    }

    /// Flushes: `name=www.example.com&type=A`, `subtree=example.com`, or `all=yes`.
    package func flush(_ what: String) throws -> (status: Int, body: String) { try request("DELETE", "/v1/cache?\(what)") }
}
