internal import Green

/// Which server a listener of libevent's belongs to: its callback for errors is handed something of evhttp's own.
enum AcceptErrors {
    /// A server, for its own thread.
    private struct Entry: @unchecked Sendable {
        // SAFETY: read on the hub's own thread alone, in a callback of its loop.
        weak var server: HTTPServer?
    }

    private static let servers = Locked<[UInt: Entry]>([:])

    /// A server listens there.
    static func add(_ listener: OpaquePointer, _ server: HTTPServer) {
        let entry = Entry(server: server)
        servers.withLock { $0[UInt(bitPattern: listener)] = entry }
    }

    /// Nobody does any more.
    static func remove(_ listener: OpaquePointer) {
        servers.withLock { _ = $0.removeValue(forKey: UInt(bitPattern: listener)) }
    }

    /// The server that listens there.
    static func server(of listener: OpaquePointer?) -> HTTPServer? {
        servers.withLock { $0[UInt(bitPattern: listener)] }?.server
    }
}
