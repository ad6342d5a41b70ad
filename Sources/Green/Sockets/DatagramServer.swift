internal import CGreen

/// Serves a datagram socket: each datagram gets a greenlet of its own, taken from the hub's pool and run at once.
///
/// Subclasses override `handle`. Starting it costs no allocation and no reference counting: the greenlet is handed
/// the server and the datagram's slot.
@safe open class DatagramServer {
    /// The socket that is served.
    public let socket: DatagramSocket
    /// Datagrams for which there was no greenlet.
    public private(set) var shedCount: UInt64 = 0
    private var loop: Greenlet<Void>?

    /// A server on `socket`, not started yet.
    public init(socket: DatagramSocket) {
        self.socket = socket
    }

    /// Answers one datagram, in a greenlet of its own. It may wait, and should let the datagram go before.
    open func handle(_ datagram: consuming Datagram) {}

    /// Starts to serve. The server lives at least until `stop`.
    public func start() {
        guard loop == nil else { return }
        loop = socket.hub.spawn(name: "datagram server") { try self.serve() }
    }

    /// Takes no more datagrams; greenlets that have begun go on.
    public func stop() {
        loop?.kill()
        loop = nil
    }

    private func serve() throws {
        let hub = socket.hub
        let subject = unsafe Unmanaged.passUnretained(self).toOpaque()
        let handle = unsafe socket.state.pointee.handle
        while true {
            let count: Int
            do {
                count = unsafe try socket.receiveSlots { slot in
                    do {
                        try unsafe hub.start(Self.entry, subject: subject, slot: Int(bitPattern: slot))
                    } catch {
                        shedCount += 1
                        unsafe hub.arena.state.giveBack(slot)
                    }
                }
            } catch .closed {
                return
            } catch {
                // A listener hears of errors that its own answers met on the way; they concern no query.
                try hub.yield(afterEvents: true)
                continue
            }
            if unsafe handle.pointee.canRead {
                try hub.yield(afterEvents: true)
            } else {
                _ = try unsafe hub.waitReadable(handle, until: .never)
            }
            if count == 0 { continue }
        }
    }

    /// What each datagram's greenlet runs.
    private static let entry: GreenletEntry = { subject, slot in
        unsafe Unmanaged<DatagramServer>.fromOpaque(subject!)._withUnsafeGuaranteedRef { server in
            let slot = unsafe UnsafeMutablePointer<green_slot>(bitPattern: slot)!
            unsafe server.handle(Datagram(slot: slot, arena: server.socket.hub.arena.state))
        }
    }
}
