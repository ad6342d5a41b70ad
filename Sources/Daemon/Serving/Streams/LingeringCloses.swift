internal import Green

/// Sockets of clients that were told why they are refused, while they go on sending: what comes after a close would make the kernels
/// on both sides drop what they were told. Each has a greenlet for a second at most, and there are few.
@safe final class LingeringCloses {
    private let hub: Hub
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 8)
    /// How many there are.
    private(set) var count = 0

    /// So many at once; further ones are closed at once.
    static let limit = 64
    /// So many bytes are thrown away for one, and so long it may take.
    private static let mostBytes = 256 << 10, patience = Duration.seconds(1)

    init(hub: Hub) { self.hub = hub }

    deinit { unsafe buffer.deallocate() }

    /// Closes the socket of a connection that has ended once its client has seen what it was sent.
    func close(_ connection: StreamConnection) {
        let socket = connection.socket
        guard socket.isOpen, count < Self.limit else { return socket.close() }
        socket.shutdownWrite()
        count += 1
        let greenlet = hub.spawn(name: "lingering close") { [self] in
            defer {
                count -= 1
                // Closing calls the watcher, which the connection is to outlive.
                withExtendedLifetime(connection) { socket.close() }
            }
            let deadline = hub.loop.now().advanced(by: Self.patience)
            var left = Self.mostBytes
            // What is read into is never looked at, so that all may share it.
            while left > 0, let got = try? unsafe socket.read(into: buffer, until: deadline), got > 0 { left -= got }
        }
        guard greenlet.isDone else { return }
        // No greenlet could be had.
        if socket.isOpen {
            count -= 1
            socket.close()
        }
    }
}

extension StreamConnection {
    /// How a connection ends.
    enum Ending {
        /// Nobody has more to say.
        case saidAll
        /// The client was told that this is the end, and may go on sending all the same.
        case toldOff
        /// The client broke the rules; what it was sent before may still arrive.
        case refused
        /// The kernel keeps nothing for a client that may never read it.
        case brokenOff
    }
}
