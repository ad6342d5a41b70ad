internal import CGreen
internal import Glibc

/// Names as the machine's own resolver knows them (getaddrinfo).
struct SystemNames: NameAccess {
    func addresses(of name: String) throws(SocketError) -> [IPAddress] {
        // getaddrinfo would look up what is before it.
        guard !name.utf8.contains(0) else { throw .notFound }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(name, nil, &hints, &list)
        defer { if let list = unsafe list { unsafe freeaddrinfo(list) } }
        guard code == 0 else {
            throw code == EAI_AGAIN ? .timedOut : code == EAI_SYSTEM ? SocketError(errno: errno, call: "getaddrinfo") : .notFound
        }
        var found: [IPAddress] = []
        var next = unsafe list
        while let each = unsafe next {
            if let address = unsafe Self.address(each.pointee), !found.contains(address) { found.append(address) }
            unsafe next = each.pointee.ai_next
        }
        guard !found.isEmpty else { throw .notFound }
        return found
    }

    func name(of address: IPAddress) throws(SocketError) -> String {
        var raw = SocketAddress(address, port: 0).raw
        let size = address.family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        let capacity = Int(NI_MAXHOST)
        var code: Int32 = 0
        let name = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { room in
            code = unsafe withUnsafePointer(to: &raw) { pointer in
                let address = unsafe UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                return unsafe getnameinfo(
                    address, socklen_t(size), room.baseAddress, socklen_t(capacity), nil, 0, Int32(NI_NAMEREQD))
            }
            return code == 0 ? unsafe String(cString: room.baseAddress!) : ""
        }
        guard code == 0 else {
            throw code == EAI_AGAIN ? .timedOut : code == EAI_SYSTEM ? SocketError(errno: errno, call: "getnameinfo") : .notFound
        }
        return name
    }

    private static func address(_ info: addrinfo) -> IPAddress? {
        var raw = green_address()
        let size = unsafe min(Int(info.ai_addrlen), MemoryLayout<green_address>.size)
        guard let address = unsafe info.ai_addr else { return nil }
        unsafe withUnsafeMutableBytes(of: &raw) { bytes in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
        }
        return SocketAddress(raw)?.ip
    }
}
