internal import CGreen
internal import Glibc

/// One datagram in a buffer of its hub: received, or to be sent. It has one owner, who sends it, turns it into the
/// answer to itself, or lets it go; the buffer then goes back by itself.
@safe public struct Datagram: ~Copyable {
    let slot: UnsafeMutablePointer<green_slot>
    private let arena: UnsafeMutablePointer<DatagramArena.State>

    init(slot: UnsafeMutablePointer<green_slot>, arena: UnsafeMutablePointer<DatagramArena.State>) {
        unsafe self.slot = slot
        unsafe self.arena = arena
    }

    deinit {
        unsafe arena.giveBack(slot)
    }

    /// An empty datagram to be filled, for the peer of a connected socket; nil when the hub is out of buffers.
    public init?(hub: Hub) {
        guard let slot = unsafe Self.slot(of: hub) else { return nil }
        unsafe self.init(slot: slot, arena: hub.arena.state)
    }

    /// An empty slot; nil when the hub is out of buffers.
    private static func slot(of hub: Hub) -> UnsafeMutablePointer<green_slot>? {
        let state = unsafe hub.arena.state
        if unsafe state.pointee.freeCount == 0 { hub.flushDatagrams() }
        guard let slot = unsafe state.take() else { return nil }
        unsafe slot.pointee.length = 0
        unsafe slot.pointee.has_peer = false
        unsafe slot.pointee.truncated = false
        unsafe slot.pointee.local_family = 0
        return unsafe slot
    }

    /// A datagram with these bytes, for the peer of a connected socket, or for where `setReturnPath` says; nil when the hub is
    /// out of buffers, or they are more than one holds.
    public init?(_ bytes: [UInt8], hub: Hub = .current) {
        guard let slot = unsafe Self.slot(of: hub) else { return nil }
        let state = unsafe hub.arena.state
        guard unsafe bytes.count <= Int(slot.pointee.capacity) else {
            unsafe state.giveBack(slot)
            return nil
        }
        // SAFETY: the slot has room for that many bytes.
        let target = unsafe UnsafeMutableRawBufferPointer(start: slot.pointee.data, count: bytes.count)
        unsafe target.copyBytes(from: bytes)
        unsafe slot.pointee.length = UInt32(bytes.count)
        unsafe self.init(slot: slot, arena: state)
    }

    /// Bytes it holds. Setting it says how many of the buffer count.
    public var count: Int {
        get { unsafe Int(slot.pointee.length) }
        nonmutating set {
            // A negative one is too large as well.
            require(
                UInt(bitPattern: newValue) <= UInt(bitPattern: capacity),
                "a datagram of \(newValue) bytes in a buffer of \(capacity)")
            unsafe slot.pointee.length = UInt32(newValue)
        }
    }

    /// Bytes that the buffer can hold.
    public var capacity: Int { unsafe Int(slot.pointee.capacity) }

    /// Whether what was received was longer than the buffer.
    public var isTruncated: Bool { unsafe slot.pointee.truncated }

    /// When it was received, on the hub's clock.
    public var arrival: Instant { unsafe Instant(nanoseconds: slot.pointee.arrival) }

    /// Who sent it, or shall get it; nil on a connected socket.
    public var peer: SocketAddress? {
        unsafe slot.pointee.has_peer ? SocketAddress(slot.pointee.peer) : nil
    }

    /// The sender's address as `IPAddress.number` has it, in a few instructions; of no use on a connected socket.
    @inline(__always) package var peerNumber: UInt128 { unsafe Self.number(slot.pointee.peer) }

    /// The number of a peer's address.
    @inline(__always)
    private static func number(_ peer: green_address) -> UInt128 {
        if unsafe Int32(peer.v4.sin_family) == AF_INET {
            return unsafe UInt128(UInt64.max) << 64 | UInt128(UInt32(bigEndian: peer.v4.sin_addr.s_addr))
        }
        // SAFETY: the sixteen bytes of an address, as two words.
        let halves = unsafe unsafeBitCast(peer.v6.sin6_addr, to: SIMD2<UInt64>.self)
        return UInt128(UInt64(bigEndian: halves.x)) << 64 | UInt128(UInt64(bigEndian: halves.y))
    }

    /// Where an answer to this datagram goes, and from which address: kept when the buffer cannot be.
    public var returnPath: ReturnPath { unsafe ReturnPath(slot: slot.pointee) }

    /// Makes this datagram go where `path` leads.
    public func setReturnPath(_ path: ReturnPath) {
        unsafe slot.pointee.peer = path.peer
        unsafe slot.pointee.has_peer = path.hasPeer
        unsafe slot.pointee.local = path.local
        unsafe slot.pointee.local_family = path.localFamily
        unsafe slot.pointee.interface_index = path.interfaceIndex
    }

    /// The received bytes.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe Span(_unsafeStart: UnsafePointer(slot.pointee.data), count: Int(slot.pointee.length))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The whole buffer, to write an answer into.
    public var buffer: MutableSpan<UInt8> {
        @_lifetime(&self)
        mutating get {
            let span = unsafe MutableSpan(_unsafeStart: slot.pointee.data, count: Int(slot.pointee.capacity))
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }

    /// Gives the slot to somebody who will give it back.
    consuming func release() -> UnsafeMutablePointer<green_slot> {
        let slot = unsafe slot
        discard self
        return unsafe slot
    }
}

/// Where an answer goes: the peer, and the local address that was asked. A plain value of some 60 bytes.
@safe public struct ReturnPath: Sendable {
    let peer: green_address
    let local: in6_addr
    let interfaceIndex: UInt32
    let localFamily: UInt8
    let hasPeer: Bool

    init(slot: green_slot) {
        peer = unsafe slot.peer
        local = unsafe slot.local
        interfaceIndex = unsafe slot.interface_index
        localFamily = unsafe slot.local_family
        hasPeer = unsafe slot.has_peer
    }

    /// The peer's address.
    public var address: SocketAddress? { hasPeer ? SocketAddress(peer) : nil }
}
