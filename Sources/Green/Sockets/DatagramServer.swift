internal import CGreen

/// Serves a datagram socket: each datagram gets a greenlet of its own, taken from the hub's pool and run at once.
///
/// Subclasses override `handle`, or pass a closure to the initializer. Starting it costs no allocation and no reference counting: the greenlet is handed
/// the server and the datagram's slot.
@safe open class DatagramServer {
    /// The socket that is served.
    public let socket: DatagramSocket
    /// Datagrams for which there was no greenlet.
    public private(set) var shedCount: UInt64 = 0
    private let handler: ((consuming Datagram) -> Void)?
    private var loop: Greenlet<Void>?
    /// The loop that was stopped last; it may have its end before it.
    private var stopped: Greenlet<Void>?
    /// Who waits for the last greenlet's end.
    private let ended: WaitPlace
    /// Itself, once it serves no more but greenlets that have begun go on, which hold no reference.
    private var kept: DatagramServer?

    /// A server on `socket`, not started yet.
    public init(socket: DatagramSocket, handler: ((consuming Datagram) -> Void)? = nil) {
        self.socket = socket
        self.handler = handler
        ended = WaitPlace(hub: socket.hub, of: "a datagram server")
    }

    /// Answers one datagram, in a greenlet of its own. It may wait, and should let the datagram go before.
    open func handle(_ datagram: consuming Datagram) {
        handler?(datagram)
    }

    /// Starts to serve. The server lives until it was stopped and the last of its greenlets has ended.
    public func start() {
        guard loop == nil else { return }
        loop = socket.hub.spawn(name: "datagram server") { try self.serve() }
    }

    /// Whether more may have come than it has taken so far.
    public var isBehind: Bool { unsafe socket.state.pointee.handle.pointee.canRead }

    /// Takes no more datagrams; greenlets that have begun go on.
    public func stop() {
        guard let loop else { return }
        loop.kill()
        stopped = loop
        self.loop = nil
    }

    /// Takes no more datagrams and waits until all greenlets that have begun have ended (true), or `deadline` passes (false):
    /// they go on then. Throws the interruption of that wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func stop(until deadline: Instant) throws(Interruption) -> Bool {
        stop()
        if let stopped, try waitAny([stopped], until: deadline, hub: socket.hub) == nil { return false }
        while unsafe socket.state.pointee.handling > 0 {
            guard try ended.wait(for: "a datagram server to end", until: deadline) else { return false }
        }
        return true
    }

    private func serve() throws {
        let hub = socket.hub
        let subject = unsafe Unmanaged.passUnretained(self).toOpaque()
        let handle = unsafe socket.state.pointee.handle
        defer { outliveGreenlets() }
        // A stop that comes while it only lets others go on is seen here; one that comes while it waits is thrown.
        while loop != nil {
            do {
                _ = unsafe try socket.receiveSlots { slot in
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
        }
    }

    /// What each datagram's greenlet runs. The server is alive: its loop holds it, and after that it itself does.
    private static let entry: GreenletEntry = { subject, slot in
        let isLast = unsafe Unmanaged<DatagramServer>.fromOpaque(subject!)._withUnsafeGuaranteedRef { server in
            let state = unsafe server.socket.state
            unsafe state.pointee.handling += 1
            let slot = unsafe UnsafeMutablePointer<green_slot>(bitPattern: slot)!
            unsafe server.handle(Datagram(slot: slot, arena: server.socket.hub.arena.state))
            unsafe state.pointee.handling -= 1
            return unsafe state.pointee.keepsServer && state.pointee.handling == 0
        }
        if isLast { unsafe Unmanaged<DatagramServer>.fromOpaque(subject!).takeUnretainedValue().letGo() }
    }

    /// Stays as long as there are greenlets that have begun.
    private func outliveGreenlets() {
        guard unsafe socket.state.pointee.handling > 0 else { return }
        kept = self
        unsafe socket.state.pointee.keepsServer = true
    }

    /// The last greenlet has ended.
    private func letGo() {
        unsafe socket.state.pointee.keepsServer = false
        ended.wakeAll()
        kept = nil
    }
}
