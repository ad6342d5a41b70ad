internal import CGreen
internal import Glibc

// Datagrams of any length, one at a time: an array and a system call each. Batches (`Datagram`, `receive`) are cheaper, and hold
// 4 KiB.
extension DatagramSocket {
    /// The most bytes that one datagram carries.
    public static let longest = 65_535

    /// A socket that is bound to an address of this machine, port 0 for a free one, and talks to anybody.
    public convenience init(
        hub: Hub = .current, boundTo address: SocketAddress, options: ListenOptions = ListenOptions()
    ) throws(SocketError) {
        try self.init(hub: hub, listener: try hub.loop.listen(.datagram, at: address, options: options))
    }

    /// Sends a datagram at once: to `peer`, or to whom the socket is connected. Waits where the kernel takes no more: false
    /// where it has not by `deadline`. Throws what the kernel has against it, such as `unreachable`, or `system` with EMSGSIZE
    /// for one that is too long.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func send(_ bytes: [UInt8], to peer: SocketAddress? = nil, until deadline: Instant = .never) throws -> Bool {
        unsafe hub.core.checkThread("a socket")
        // What was sent before is to leave before.
        hub.flushDatagrams()
        let copy = WholeSlot(bytes, peer: peer)
        while unsafe state.pointee.handle.isOpen {
            let result = unsafe hub.loop.send(state.pointee.handle, copy.batch, count: 1)
            if result == 1 {
                unsafe state.pointee.sent += 1
                return true
            }
            guard SocketError.wouldBlock(result) else { throw SocketError(errno: Int32(clamping: -result), call: "sendmmsg") }
            unsafe state.pointee.handle.pointee.canWrite = false
            guard try unsafe hub.waitWritable(state.pointee.handle, until: deadline) else { return false }
        }
        throw SocketError.closed
    }

    /// Waits for a datagram: its bytes, and where an answer goes; nil where none has come by `deadline`. One of more than `limit`
    /// bytes is cut. Throws what the network says of datagrams that a connected socket has sent, such as `refused`, and `closed`
    /// once the socket is.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func receiveBytes(
        upTo limit: Int = longest, until deadline: Instant = .never
    ) throws -> (bytes: [UInt8], sender: ReturnPath)? {
        unsafe hub.core.checkThread("a socket")
        require((1...Self.longest).contains(limit), "room for a datagram of \(limit) bytes")
        let room = WholeSlot([UInt8](repeating: 0, count: limit), peer: nil)
        while try unsafe hub.waitReadable(state.pointee.handle, until: deadline) {
            guard unsafe state.pointee.handle.isOpen else { throw SocketError.closed }
            let result = unsafe hub.loop.receive(state.pointee.handle, room.batch, count: 1)
            if result == 1 {
                unsafe state.pointee.received += 1
                return room.content
            }
            guard SocketError.wouldBlock(result) else { throw SocketError(errno: Int32(clamping: -result), call: "recvmmsg") }
            unsafe state.pointee.handle.pointee.canRead = false
        }
        return nil
    }
}

/// A slot with a buffer of its own.
@safe private final class WholeSlot {
    /// The slot, as a batch of one.
    let batch: SlotBatch
    private let slot: UnsafeMutablePointer<green_slot>

    init(_ bytes: [UInt8], peer: SocketAddress?) {
        let data = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        unsafe data.initialize(from: bytes, count: bytes.count)
        unsafe slot = .allocate(capacity: 1)
        unsafe slot.initialize(to: green_slot())
        unsafe slot.pointee.data = data
        unsafe slot.pointee.capacity = UInt32(bytes.count)
        unsafe slot.pointee.length = UInt32(bytes.count)
        if let peer {
            unsafe slot.pointee.peer = peer.raw
            unsafe slot.pointee.has_peer = true
        }
        unsafe batch = .allocate(capacity: 1)
        unsafe batch.initialize(to: slot)
    }

    deinit {
        unsafe slot.pointee.data.deallocate()
        unsafe slot.deallocate()
        unsafe batch.deallocate()
    }

    /// What was received into it.
    var content: (bytes: [UInt8], sender: ReturnPath) {
        let length = unsafe min(slot.pointee.length, slot.pointee.capacity)
        let bytes = unsafe Array(UnsafeBufferPointer(start: slot.pointee.data, count: Int(length)))
        return unsafe (bytes, ReturnPath(slot: slot.pointee))
    }
}

extension Datagram {
    /// A datagram with these bytes for anybody, of a socket that is not connected; nil when the hub is out of buffers, or they
    /// are more than one holds.
    public init?(_ bytes: [UInt8], to peer: SocketAddress, hub: Hub = .current) {
        self.init(bytes, hub: hub)
        unsafe slot.pointee.peer = peer.raw
        unsafe slot.pointee.has_peer = true
    }
}
