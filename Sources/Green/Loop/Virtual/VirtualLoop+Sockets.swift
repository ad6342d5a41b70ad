internal import CGreen
internal import Glibc

extension VirtualLoop {
    /// As ``Loop`` says.
    public func listen(
        _ kind: SocketKind, at address: SocketAddress, options: ListenOptions
    ) throws(SocketError) -> Listener {
        world.check()
        let bound = try host.bind(
            kind, at: address, shared: options.sharesPort, mayComeLater: options.mayComeLater)
        let socket =
            switch kind {
            case .datagram:
                VirtualDatagramSocket(host: host, local: bound, peer: nil, capacity: Int(options.bufferBytes))
            case .stream:
                VirtualListener(host: host, local: bound, backlog: Int(options.backlog))
            }
        host.enter(socket)
        return Listener(descriptor: socket.number, kind: kind, address: bound, options: options)
    }

    /// As ``Loop`` says.
    public func adopt(_ listener: Listener) throws(SocketError) -> SocketHandle {
        guard let socket = world.sockets[listener.descriptor], unsafe socket.handle == nil else { throw .closed }
        let handle = unsafe socket.makeHandle(for: hub)
        unsafe handle.pointee.packetInfo = listener.options.packetInfo
        return unsafe handle
    }

    /// As ``Loop`` says.
    public func connectDatagram(to peer: SocketAddress, options: DatagramOptions) throws(SocketError) -> SocketHandle {
        world.check()
        guard let source = host.source(for: peer.ip), world.target(of: peer.ip, from: host) != nil, !host.lacksRoute(to: peer.ip)
        else { throw .unreachable }
        let local = try host.bind(.datagram, at: SocketAddress(source, port: 0), shared: false)
        let socket = VirtualDatagramSocket(
            host: host, local: local, peer: peer, capacity: Int(options.bufferBytes), keepsReports: options.keepsReports)
        host.enter(socket)
        return unsafe socket.makeHandle(for: hub)
    }

    /// As ``Loop`` says.
    public func beginConnect(to peer: SocketAddress) throws(SocketError) -> SocketHandle {
        world.check()
        return unsafe handle(ofConnecting: try world.connect(from: host, to: peer))
    }

    /// A handle that is neither readable nor writable until the attempt has ended.
    func handle(ofConnecting stream: VirtualStream) -> SocketHandle {
        let handle = unsafe stream.makeHandle(for: hub)
        unsafe handle.pointee.canRead = false
        unsafe handle.pointee.canWrite = false
        return unsafe handle
    }

    /// As ``Loop`` says.
    public func connectResult(_ handle: SocketHandle) -> Int32 {
        guard let stream = unsafe stream(handle) else { return EBADF }
        return switch stream.phase {
        case .connecting: EINPROGRESS
        case .connected: 0
        case .failed(let code): code
        }
    }

    /// As ``Loop`` says.
    public func accept(_ handle: SocketHandle) -> AcceptResult {
        guard let listener = unsafe world.sockets[handle.pointee.descriptor] as? VirtualListener else { return .failure(EBADF) }
        guard !listener.waiting.isEmpty else { return .failure(EAGAIN) }
        if let code = host.acceptError {
            world.note("accept refused", Int(listener.number), Int(code))
            return .failure(code)
        }
        let stream = listener.waiting.removeFirst()
        world.note("accepted", Int(listener.number), Int(stream.number))
        return unsafe .connection(stream.makeHandle(for: hub), stream.peer)
    }

    /// As ``Loop`` says.
    public func localAddress(_ handle: SocketHandle) -> SocketAddress? {
        unsafe world.sockets[handle.pointee.descriptor]?.local
    }

    /// As ``Loop`` says.
    public func read(_ handle: SocketHandle, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let stream = unsafe stream(handle) else { return -Int(EBADF) }
        return unsafe stream.read(buffer)
    }

    /// As ``Loop`` says.
    public func write(_ handle: SocketHandle, _ buffer: UnsafeRawBufferPointer) -> Int {
        guard let stream = unsafe stream(handle) else { return -Int(EBADF) }
        return unsafe stream.write(buffer)
    }

    /// As ``Loop`` says.
    public func shutdownWrite(_ handle: SocketHandle) {
        unsafe stream(handle)?.shutdownWrite()
    }

    /// As ``Loop`` says.
    public func receive(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int {
        guard let socket = unsafe world.sockets[handle.pointee.descriptor] as? VirtualDatagramSocket else { return -Int(EBADF) }
        if socket.pendingError != 0 {
            defer { socket.pendingError = 0 }
            return -Int(socket.pendingError)
        }
        let taken = min(count, socket.arrived.count)
        if taken == 0 { return -Int(EAGAIN) }
        for index in 0..<taken {
            unsafe slots[index]!.fill(socket.arrived[index], tellsLocal: handle.pointee.packetInfo)
            socket.arrivedBytes -= socket.arrived[index].bytes.count + 512
        }
        socket.arrived.removeFirst(taken)
        return taken
    }

    /// As ``Loop`` says.
    public func send(_ handle: SocketHandle, _ slots: SlotBatch, count: Int) -> Int {
        guard let socket = unsafe world.sockets[handle.pointee.descriptor] as? VirtualDatagramSocket else { return -Int(EBADF) }
        if socket.pendingError != 0 {
            defer { socket.pendingError = 0 }
            return -Int(socket.pendingError)
        }
        let short = count > 1 && world.generator.chance(world.conditions(host, host).shortCalls)
        let wanted = short ? Int.random(in: 1...count, using: &world.generator) : count
        for index in 0..<wanted {
            let slot = unsafe slots[index]!
            let bytes = unsafe Array(UnsafeBufferPointer(start: slot.pointee.data, count: Int(slot.pointee.length)))
            let named = unsafe slot.pointee.has_peer ? SocketAddress(slot.pointee.peer) : nil
            guard let peer = named ?? socket.peer else { return index > 0 ? index : -Int(EDESTADDRREQ) }
            let error = unsafe world.send(bytes, from: socket, source: slot.localAddress, to: peer)
            if error != 0 { return index > 0 ? index : -Int(error) }
        }
        return wanted
    }

    /// As ``Loop`` says.
    public func takeReport(_ handle: SocketHandle) -> DatagramReport? {
        unsafe (world.sockets[handle.pointee.descriptor] as? VirtualDatagramSocket)?.takeReport()
    }

    /// As ``Loop`` says.
    public func watchWritable(_ handle: SocketHandle) throws(SocketError) {}

    /// As ``Loop`` says.
    public func close(_ handle: SocketHandle) {
        guard unsafe handle.isOpen else { return }
        let socket = unsafe world.sockets[handle.pointee.descriptor]
        unsafe world.note("closed", Int(handle.pointee.descriptor))
        unsafe handle.pointee.descriptor = -1
        socket?.close()
        unsafe handle.signal(readable: true, writable: true)
    }

    private func stream(_ handle: SocketHandle) -> VirtualStream? {
        unsafe world.sockets[handle.pointee.descriptor] as? VirtualStream
    }
}

extension UnsafeMutablePointer<green_slot> {
    /// Puts a datagram that has arrived into the slot.
    fileprivate func fill(_ packet: VirtualDatagramSocket.Packet, tellsLocal: Bool) {
        let count = unsafe min(packet.bytes.count, Int(pointee.capacity))
        unsafe packet.bytes.withUnsafeBytes { bytes in
            unsafe UnsafeMutableRawPointer(pointee.data).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(self), byteCount: count)
        }
        unsafe pointee.length = UInt32(count)
        unsafe pointee.truncated = count < packet.bytes.count
        unsafe pointee.peer = packet.from.raw
        unsafe pointee.has_peer = true
        unsafe pointee.local_family = 0
        unsafe pointee.interface_index = 0
        guard tellsLocal else { return }
        let v4 = packet.to.family == .v4
        unsafe pointee.local_family = UInt8(v4 ? AF_INET : AF_INET6)
        unsafe pointee.interface_index = 1
        let raw = SocketAddress(packet.to, port: 0).raw
        unsafe withUnsafeMutableBytes(of: &pointee.local) { local in
            if v4 {
                unsafe withUnsafeBytes(of: raw.v4.sin_addr) { unsafe local.copyMemory(from: $0) }
            } else {
                unsafe withUnsafeBytes(of: raw.v6.sin6_addr) { unsafe local.copyMemory(from: $0) }
            }
        }
    }

    /// The local address that the datagram is to leave from, where one is set.
    fileprivate var localAddress: IPAddress? {
        guard unsafe pointee.has_peer, unsafe pointee.local_family != 0 else { return nil }
        var raw = green_address()
        if unsafe pointee.local_family == UInt8(AF_INET) {
            unsafe raw.v4.sin_family = sa_family_t(AF_INET)
            unsafe withUnsafeMutableBytes(of: &raw.v4.sin_addr) { address in
                unsafe withUnsafeBytes(of: pointee.local) {
                    unsafe address.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<4]))
                }
            }
        } else {
            unsafe raw.v6.sin6_family = sa_family_t(AF_INET6)
            unsafe raw.v6.sin6_addr = unsafe pointee.local
        }
        return SocketAddress(raw)?.ip
    }
}
