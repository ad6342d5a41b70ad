internal import CGreen
internal import CLibevent
internal import Glibc

/// Unix sockets, and descriptors of others.
extension LibeventLoop {
    /// As ``Loop`` says.
    public func listen(path: String, backlog: Int32) throws(SocketError) -> Listener {
        let descriptor = try Self.openUnix()
        do throws(SocketError) {
            var code = unsafe Self.withUnixAddress(path) { unsafe bind(descriptor, $0, $1) }
            if code == EADDRINUSE, Self.isAbandoned(path) {
                unsafe unlink(path)
                code = unsafe Self.withUnixAddress(path) { unsafe bind(descriptor, $0, $1) }
            }
            guard code == 0 else { throw SocketError(errno: code, call: "bind") }
            guard Glibc.listen(descriptor, backlog) == 0 else { throw SocketError(errno: errno, call: "listen") }
        } catch {
            Glibc.close(descriptor)
            throw error.at(.path(path))
        }
        return Listener(descriptor: descriptor, kind: .stream, address: .unnamed, options: ListenOptions())
    }

    /// As ``Loop`` says.
    public func beginConnect(path: String) throws(SocketError) -> SocketHandle {
        let descriptor = try Self.openUnix()
        let code = unsafe Self.withUnixAddress(path) { unsafe connect(descriptor, $0, $1) }
        // A Unix socket connects at once, or its listener's backlog is full.
        guard code == 0 else {
            Glibc.close(descriptor)
            throw code == EAGAIN ? .refused : SocketError(errno: code, call: "connect")
        }
        return unsafe try register(descriptor)
    }

    /// As ``Loop`` says. The loop watches a duplicate.
    public func watch(descriptor: Int32) throws(SocketError) -> SocketHandle {
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { throw SocketError(errno: errno, call: "fcntl") }
        let handle = unsafe try register(own)
        unsafe handle.pointee.canRead = false
        unsafe handle.pointee.canWrite = false
        return unsafe handle
    }

    /// As ``Loop`` says.
    public func poll(_ handle: SocketHandle) -> (readable: Bool, writable: Bool) {
        var state = unsafe pollfd(fd: handle.pointee.descriptor, events: Int16(POLLIN | POLLOUT), revents: 0)
        guard unsafe Glibc.poll(&state, 1, 0) > 0 else { return (false, false) }
        let ended = Int32(state.revents) & (POLLHUP | POLLERR) != 0
        return (Int32(state.revents) & POLLIN != 0 || ended, Int32(state.revents) & POLLOUT != 0 || ended)
    }

    private static func openUnix() throws(SocketError) -> Int32 {
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, flags, 0)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "socket") }
        return descriptor
    }

    /// Whether a socket has that name that nobody listens on any more.
    private static func isAbandoned(_ path: String) -> Bool {
        guard let descriptor = try? openUnix() else { return false }
        defer { Glibc.close(descriptor) }
        return unsafe withUnixAddress(path) { unsafe connect(descriptor, $0, $1) } == ECONNREFUSED
    }

    /// Calls `body` with the address of that name: 0, or the error's number.
    private static func withUnixAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path), !name.contains(0) else { return ENAMETOOLONG }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            let raw = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return unsafe body(raw, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
        }
    }

    // MARK: - Descriptors of others

    /// What a descriptor is that somebody else bound; makes it non-blocking, and closed in processes that are started.
    static func examine(_ descriptor: Int32) throws(SocketError) -> (SocketKind, SocketAddress?) {
        let type = try option(SO_TYPE, of: descriptor)
        guard type == Int32(SOCK_STREAM.rawValue) || type == Int32(SOCK_DGRAM.rawValue) else {
            throw SocketError(errno: EPROTOTYPE, call: "getsockopt")
        }
        let isStream = type == Int32(SOCK_STREAM.rawValue)
        let listens = try option(SO_ACCEPTCONN, of: descriptor) == 1
        guard !isStream || listens else { throw SocketError(errno: EINVAL, call: "listen") }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw SocketError(errno: errno, call: "fcntl")
        }
        return (isStream ? .stream : .datagram, localAddress(of: descriptor))
    }

    /// The descriptors that a service manager hands to this process: `LISTEN_PID`, `LISTEN_FDS`.
    static func inheritedDescriptors() -> [Int32] {
        func number(_ name: String) -> Int? { unsafe getenv(name).flatMap { unsafe Int(String(cString: $0)) } }
        guard number("LISTEN_PID") == Int(getpid()), let count = number("LISTEN_FDS"), (1...1_024).contains(count) else {
            return []
        }
        // SD_LISTEN_FDS_START
        return (0..<count).map { Int32(3 + $0) }
    }

    /// An option of a socket that is a number.
    static func option(_ name: Int32, of descriptor: Int32) throws(SocketError) -> Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 else {
            throw SocketError(errno: errno, call: "getsockopt")
        }
        return value
    }
}
