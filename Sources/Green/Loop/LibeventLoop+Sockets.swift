internal import CGreen
internal import CLibevent
internal import Glibc

extension LibeventLoop {
    /// As ``Loop`` says.
    public func listen(
        _ kind: SocketKind, at address: SocketAddress, options: ListenOptions
    ) throws(SocketError) -> Listener {
        let descriptor = try Self.open(kind, family: address.ip.family)
        do throws(SocketError) {
            if address.ip.family == .v6 { try Self.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
            if kind == .stream { try Self.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
            if options.mayComeLater {
                let isV4 = address.ip.family == .v4
                try Self.set(descriptor, Int32(isV4 ? IPPROTO_IP : IPPROTO_IPV6), isV4 ? IP_FREEBIND : IPV6_FREEBIND, 1)
            }
            if options.sharesPort { try Self.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
            if kind == .datagram { Self.tuneDatagram(descriptor, address.ip.family, options) }
            if kind == .stream, options.unsentBytes > 0 {
                try? Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, options.unsentBytes)
            }
            var raw = address.raw
            guard unsafe Self.withSockaddr(&raw, address.ip.family, { unsafe bind(descriptor, $0, $1) }) == 0 else {
                throw SocketError(errno: errno, call: "bind")
            }
            // Others may share the port from here on, once this one was bound alone.
            try Self.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)
            if kind == .stream, Glibc.listen(descriptor, options.backlog) != 0 {
                throw SocketError(errno: errno, call: "listen")
            }
            let bound = Self.localAddress(of: descriptor) ?? address
            return Listener(descriptor: descriptor, kind: kind, address: bound, options: options)
        } catch {
            Glibc.close(descriptor)
            throw error.at(.address(address))
        }
    }

    /// As ``Loop`` says.
    public func adopt(_ listener: Listener) throws(SocketError) -> SocketHandle {
        let handle = unsafe try register(listener.descriptor)
        unsafe handle.pointee.packetInfo = listener.options.packetInfo
        return unsafe handle
    }

    /// As ``Loop`` says.
    public func connectDatagram(to peer: SocketAddress, options: DatagramOptions) throws(SocketError) -> SocketHandle {
        let descriptor = try Self.open(.datagram, family: peer.ip.family)
        do throws(SocketError) {
            var tuning = ListenOptions()
            tuning.bufferBytes = options.bufferBytes
            Self.tuneDatagram(descriptor, peer.ip.family, tuning)
            if options.keepsReports {
                let code = green_keep_reports(descriptor, peer.ip.family == .v4 ? AF_INET : AF_INET6)
                guard code == 0 else { throw SocketError(errno: -code, call: "setsockopt") }
            }
            bindToRandomPort(descriptor, peer.ip.family)
            var raw = peer.raw
            guard unsafe Self.withSockaddr(&raw, peer.ip.family, { unsafe connect(descriptor, $0, $1) }) == 0 else {
                throw SocketError(errno: errno, call: "connect")
            }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return unsafe try register(descriptor)
    }

    /// As ``Loop`` says.
    public func beginConnect(to peer: SocketAddress) throws(SocketError) -> SocketHandle {
        let descriptor = try Self.open(.stream, family: peer.ip.family)
        do throws(SocketError) {
            try Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            var raw = peer.raw
            let result = unsafe Self.withSockaddr(&raw, peer.ip.family) { unsafe connect(descriptor, $0, $1) }
            guard result == 0 || errno == EINPROGRESS else { throw SocketError(errno: errno, call: "connect") }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        let handle = unsafe try register(descriptor)
        unsafe handle.pointee.canWrite = false
        unsafe handle.pointee.canRead = false
        return unsafe handle
    }

    /// As ``Loop`` says.
    public func connectResult(_ handle: SocketHandle) -> Int32 {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let failed = unsafe getsockopt(handle.pointee.descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0
        return failed ? errno : code
    }

    /// As ``Loop`` says.
    public func accept(_ handle: SocketHandle) -> AcceptResult {
        var raw = green_address()
        let descriptor = unsafe green_accept(handle.pointee.descriptor, &raw)
        guard descriptor >= 0 else { return .failure(-descriptor) }
        let peer = SocketAddress(raw) ?? .unnamed
        // Without it answers are slower, and right all the same.
        if peer != .unnamed { try? Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        do throws(SocketError) {
            return unsafe .connection(try register(descriptor), peer)
        } catch {
            // The descriptor is closed.
            return .failure(error.systemNumber ?? ECONNABORTED)
        }
    }

    /// As ``Loop`` says.
    public func localAddress(_ handle: SocketHandle) -> SocketAddress? {
        unsafe Self.localAddress(of: handle.pointee.descriptor)
    }

    /// As ``Loop`` says.
    public func read(_ handle: SocketHandle, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let got = unsafe recv(handle.pointee.descriptor, buffer.baseAddress, buffer.count, 0)
            if got >= 0 { return got }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// As ``Loop`` says.
    public func write(_ handle: SocketHandle, _ buffer: UnsafeRawBufferPointer) -> Int {
        while true {
            let flags = Int32(MSG_NOSIGNAL)
            let sent = unsafe Glibc.send(handle.pointee.descriptor, buffer.baseAddress, buffer.count, flags)
            if sent >= 0 { return sent }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// As ``Loop`` says.
    public func shutdownWrite(_ handle: SocketHandle) {
        _ = unsafe shutdown(handle.pointee.descriptor, Int32(SHUT_WR))
    }

    /// As ``Loop`` says.
    public func receive(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int {
        unsafe Int(green_receive(handle.pointee.descriptor, slots, UInt32(count), handle.pointee.packetInfo))
    }

    /// As ``Loop`` says.
    public func send(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int {
        unsafe Int(green_send(handle.pointee.descriptor, slots, UInt32(count)))
    }

    /// As ``Loop`` says.
    public func takeReport(_ handle: SocketHandle) -> DatagramReport? {
        let capacity = DatagramReport.longestQuote
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { data in
            var report = green_report()
            let result = unsafe green_take_report(handle.pointee.descriptor, &report, data.baseAddress!, UInt32(capacity))
            guard result == 1 else { return nil }
            // SAFETY: the kernel has filled so many bytes, at most `capacity`.
            let quoted = unsafe Array(UnsafeBufferPointer(rebasing: data[..<Int(report.length)]))
            return DatagramReport(report, payload: quoted)
        }
    }

    /// As ``Loop`` says.
    public func watchWritable(_ handle: SocketHandle) throws(SocketError) {
        guard unsafe handle.pointee.writeEvent == nil else { return }
        let flags = Int16(EV_WRITE) | Int16(EV_PERSIST) | Int16(bitPattern: UInt16(EV_ET))
        guard let event = unsafe event_new(base, handle.pointee.descriptor, flags, Self.callback, handle) else {
            throw .system(errno: ENOMEM, call: "event_new")
        }
        guard unsafe event_add(event, nil) == 0 else {
            unsafe event_free(event)
            throw .system(errno: ENOMEM, call: "epoll_ctl")
        }
        unsafe handle.pointee.writeEvent = event
    }

    /// As ``Loop`` says.
    public func dropUnsent(_ handle: SocketHandle) {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = unsafe setsockopt(handle.pointee.descriptor, SOL_SOCKET, SO_LINGER, &option, size)
    }

    /// As ``Loop`` says.
    public func close(_ handle: SocketHandle) {
        guard unsafe handle.isOpen else { return }
        if let event = unsafe handle.pointee.readEvent { unsafe event_free(event) }
        if let event = unsafe handle.pointee.writeEvent { unsafe event_free(event) }
        unsafe Glibc.close(handle.pointee.descriptor)
        unsafe handle.pointee.descriptor = -1
        unsafe handle.signal(readable: true, writable: true)
    }

    // MARK: - Parts

    private static let callback: event_callback_fn = { _, what, context in
        let handle = unsafe context!.assumingMemoryBound(to: SocketRecord.self)
        unsafe handle.signal(readable: what & Int16(EV_READ) != 0, writable: what & Int16(EV_WRITE) != 0)
    }

    func register(_ descriptor: Int32) throws(SocketError) -> SocketHandle {
        let handle = unsafe hub.makeSocketRecord(descriptor: descriptor)
        let flags = Int16(EV_READ) | Int16(EV_PERSIST) | Int16(bitPattern: UInt16(EV_ET))
        guard let event = unsafe event_new(base, descriptor, flags, Self.callback, handle), unsafe event_add(event, nil) == 0
        else {
            let code = errno == 0 ? ENOMEM : errno
            unsafe hub.freeSocketRecord(handle)
            Glibc.close(descriptor)
            throw SocketError(errno: code, call: "epoll_ctl")
        }
        unsafe handle.pointee.readEvent = event
        return unsafe handle
    }

    static func open(_ kind: SocketKind, family: IPAddress.Family) throws(SocketError) -> Int32 {
        let type = kind == .datagram ? SOCK_DGRAM : SOCK_STREAM
        let flags = Int32(type.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family == .v4 ? AF_INET : AF_INET6, flags, 0)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "socket") }
        return descriptor
    }

    /// No path-MTU discovery: a forged "too big" must not shrink or break answers. Failures do no harm here.
    /// What can still be set of a listener that somebody else bound.
    static func tune(_ descriptor: Int32, _ kind: SocketKind, _ family: IPAddress.Family, _ options: ListenOptions) {
        switch kind {
        case .datagram:
            var options = options
            // Whoever has opened it may have given more than this process may take.
            if let given = try? option(SO_RCVBUF, of: descriptor), given / 2 >= options.bufferBytes { options.bufferBytes = 0 }
            tuneDatagram(descriptor, family, options)
        case .stream:
            if options.unsentBytes > 0 { try? set(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, options.unsentBytes) }
        }
    }

    private static func tuneDatagram(_ descriptor: Int32, _ family: IPAddress.Family, _ options: ListenOptions) {
        let v4 = family == .v4
        let level = Int32(v4 ? IPPROTO_IP : IPPROTO_IPV6)
        try? set(descriptor, level, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, v4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT)
        if options.bufferBytes > 0 {
            try? set(descriptor, SOL_SOCKET, SO_RCVBUF, options.bufferBytes)
            try? set(descriptor, SOL_SOCKET, SO_SNDBUF, options.bufferBytes)
        }
        if options.packetInfo { try? set(descriptor, level, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1) }
    }

    /// A port that a forger cannot foretell; where ten are taken, the kernel chooses.
    private func bindToRandomPort(_ descriptor: Int32, _ family: IPAddress.Family) {
        for _ in 0..<10 {
            let port = UInt16(10240 + random() % (65536 - 10240))
            var raw = SocketAddress(family == .v4 ? .any : .anyV6, port: port).raw
            if unsafe Self.withSockaddr(&raw, family, { unsafe bind(descriptor, $0, $1) }) == 0 { return }
        }
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) throws(SocketError) {
        var value = value
        guard unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SocketError(errno: errno, call: "setsockopt")
        }
    }

    private static func withSockaddr<Result>(
        _ raw: inout green_address, _ family: IPAddress.Family, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        let size = family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        return unsafe withUnsafePointer(to: &raw) { pointer in
            unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(size))
        }
    }

    static func localAddress(of descriptor: Int32) -> SocketAddress? {
        unsafe address(of: descriptor, getsockname)
    }

    static func peerAddress(of descriptor: Int32) -> SocketAddress? {
        unsafe address(of: descriptor, getpeername)
    }

    private static func address(
        of descriptor: Int32, _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var raw = green_address()
        let result = unsafe withUnsafeMutablePointer(to: &raw) { pointer in
            var size = socklen_t(MemoryLayout<green_address>.size)
            return unsafe call(descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
        }
        return result == 0 ? SocketAddress(raw) : nil
    }
}
