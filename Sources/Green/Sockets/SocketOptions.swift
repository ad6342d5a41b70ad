internal import CGreen
internal import Glibc

// The descriptors of sockets, for what Green has no call for. A simulated world has none.

extension StreamSocket {
    /// The socket's descriptor, for calls that Green does not make: it stays the socket's, non-blocking, and is not to be closed,
    /// read or written by others. Nil once the socket is closed, and in a simulated world.
    public var descriptor: Int32? { unsafe hub.descriptor(of: handle) }

    /// Takes over a descriptor of a connected stream: of a socket pair, or handed over by another process. It belongs to the
    /// socket from now on, also where this throws: then it is closed. Its `peer` is where it is connected to, `unnamed` for a Unix
    /// socket. Throws for what is no stream, listens, or is not connected, and in a simulated world.
    public convenience init(adopting descriptor: Int32, hub: Hub = .current) throws(SocketError) {
        let loop: LibeventLoop
        do throws(SocketError) {
            guard let own = hub.loop as? LibeventLoop else { throw SocketError(errno: ENOTSUP, call: "adopt") }
            loop = own
            let flags = fcntl(descriptor, F_GETFL)
            guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
            else { throw SocketError(errno: errno, call: "fcntl") }
            guard try SocketOption.get(SOL_SOCKET, SO_TYPE, of: descriptor) == Int32(SOCK_STREAM.rawValue) else {
                throw SocketError(errno: EPROTOTYPE, call: "getsockopt")
            }
            guard try SocketOption.get(SOL_SOCKET, SO_ACCEPTCONN, of: descriptor) == 0 else {
                throw SocketError(errno: EINVAL, call: "adopt")
            }
            try SocketOption.checkConnected(descriptor)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        let peer = LibeventLoop.peerAddress(of: descriptor) ?? .unnamed
        unsafe self.init(hub: hub, handle: try loop.register(descriptor), peer: peer)
    }

    /// Gives the connection away: its descriptor, non-blocking, which the caller must close. The socket itself is closed, and all
    /// waits on it throw `closed`. What was read before is gone. Throws where the system has no descriptor to spare.
    public func release() throws(SocketError) -> Int32 {
        guard let descriptor else { throw .closed }
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw SocketError(errno: errno, call: "fcntl") }
        close()
        return own
    }

    /// Sets a number among the socket's options (setsockopt), such as `SO_KEEPALIVE`.
    public func setOption(level: Int32, name: Int32, to value: Int32) throws(SocketError) {
        try SocketOption.set(level, name, value, of: descriptor)
    }

    /// A number among the socket's options (getsockopt).
    public func option(level: Int32, name: Int32) throws(SocketError) -> Int32 {
        try SocketOption.get(level, name, of: descriptor)
    }
}

extension DatagramSocket {
    /// The socket's descriptor; as ``StreamSocket/descriptor`` says.
    public var descriptor: Int32? { unsafe hub.descriptor(of: state.pointee.handle) }

    /// Sets a number among the socket's options (setsockopt).
    public func setOption(level: Int32, name: Int32, to value: Int32) throws(SocketError) {
        try SocketOption.set(level, name, value, of: descriptor)
    }

    /// A number among the socket's options (getsockopt).
    public func option(level: Int32, name: Int32) throws(SocketError) -> Int32 {
        try SocketOption.get(level, name, of: descriptor)
    }

    /// Takes what is sent to a group from now on, that comes by the interface of that number (0: by whichever the routes say).
    public func join(_ group: IPAddress, interface: UInt32 = 0) throws(SocketError) {
        try join(group, interface, true)
    }

    /// Takes that no more.
    public func leave(_ group: IPAddress, interface: UInt32 = 0) throws(SocketError) {
        try join(group, interface, false)
    }

    private func join(_ group: IPAddress, _ interface: UInt32, _ joins: Bool) throws(SocketError) {
        guard let descriptor else { throw .system(errno: ENOTSUP, call: "setsockopt") }
        var raw = SocketAddress(group, port: 0).raw
        let code = unsafe green_multicast(descriptor, &raw, interface, joins)
        guard code == 0 else { throw SocketError(errno: -code, call: "setsockopt") }
    }

    /// How what this socket sends to groups leaves: by the interface of that number (0: by whichever the routes say), over how
    /// many routers (1: none, the default), and whether sockets of this machine get it too.
    public func sendToGroups(
        from interface: UInt32 = 0, hops: UInt8 = 1, loops: Bool = true, family: IPAddress.Family = .v4
    ) throws(SocketError) {
        guard let descriptor else { throw .system(errno: ENOTSUP, call: "setsockopt") }
        let v4 = family == .v4
        let code = green_multicast_interface(descriptor, v4, interface)
        guard code == 0 else { throw SocketError(errno: -code, call: "setsockopt") }
        let level = Int32(v4 ? IPPROTO_IP : IPPROTO_IPV6)
        try setOption(level: level, name: v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, to: Int32(hops))
        try setOption(level: level, name: v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, to: loops ? 1 : 0)
    }
}

/// Numbers among a descriptor's options.
enum SocketOption {
    /// Throws where a socket is not connected.
    static func checkConnected(_ descriptor: Int32) throws(SocketError) {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: it has room for `size` bytes.
            unsafe getpeername(descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
        }
        guard code == 0 else { throw SocketError(errno: errno, call: "getpeername") }
    }

    static func set(_ level: Int32, _ name: Int32, _ value: Int32, of descriptor: Int32?) throws(SocketError) {
        guard let descriptor else { throw .system(errno: EBADF, call: "setsockopt") }
        var value = value
        guard unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SocketError(errno: errno, call: "setsockopt")
        }
    }

    static func get(_ level: Int32, _ name: Int32, of descriptor: Int32?) throws(SocketError) -> Int32 {
        guard let descriptor else { throw .system(errno: EBADF, call: "getsockopt") }
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, level, name, &value, &size) == 0 else {
            throw SocketError(errno: errno, call: "getsockopt")
        }
        return value
    }
}

extension Hub {
    /// The kernel's number of a socket; nil where it is closed, or no socket of the kernel's.
    fileprivate func descriptor(of handle: SocketHandle) -> Int32? {
        unsafe core.checkThread("a socket")
        guard loop is LibeventLoop, unsafe handle.isOpen else { return nil }
        return unsafe handle.pointee.descriptor
    }
}
