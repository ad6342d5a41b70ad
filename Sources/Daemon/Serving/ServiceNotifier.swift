internal import Glibc

/// Tells the service manager how the daemon is doing (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names.
/// Without that variable it says nothing. Never waits, and never fails: nobody's answer depends on it.
struct ServiceNotifier: Sendable {
    private let path: [UInt8]
    /// Who is told in place of a socket.
    private let told: (@Sendable (String) -> Void)?

    /// Speaks to the socket at `path`; a leading `@` stands for the abstract namespace. Nothing for nobody.
    init(path: String?) {
        var bytes = Array((path ?? "").utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        // One byte less than the address has room for ends the path.
        self.path = bytes.count < 108 ? bytes : []
        told = nil
    }

    /// Tells a simulated service manager.
    init(_ told: @escaping @Sendable (String) -> Void) {
        path = []
        self.told = told
    }

    /// Speaks to whom the environment names.
    static var system: ServiceNotifier {
        ServiceNotifier(path: unsafe getenv("NOTIFY_SOCKET").map { unsafe String(cString: $0) })
    }

    /// It serves.
    func ready() { send("READY=1") }

    /// It reads its settings again; `ready` follows. `nanoseconds` is the monotonic clock's reading.
    func reloading(at nanoseconds: UInt64) { send("RELOADING=1\nMONOTONIC_USEC=\(nanoseconds / 1_000)") }

    /// It is well, as far as it knows itself (WatchdogSec).
    func alive() { send("WATCHDOG=1") }

    /// What `systemctl status` shows.
    func status(_ line: String) { send("STATUS=\(line)") }

    /// It ends.
    func stopping() { send("STOPPING=1") }

    /// It needs so much more time from now on, and is not stuck.
    func extendTimeout(by duration: Duration) {
        send("EXTEND_TIMEOUT_USEC=\(duration.components.seconds * 1_000_000)")
    }

    /// It keeps these listening sockets, under a name, for the next process of this service (FileDescriptorStoreMax=): what it has
    /// already it knows, and a socket with an error is kept all the same.
    func store(_ descriptors: [Int32], as name: String) {
        var rest = descriptors[...]
        // No more than the kernel takes with one message, 253.
        while !rest.isEmpty {
            send("FDSTORE=1\nFDNAME=\(name)\nFDPOLL=0", with: Array(rest.prefix(Self.mostInMessage)))
            rest = rest.dropFirst(Self.mostInMessage)
        }
    }

    /// It keeps those under a name no longer.
    func remove(_ name: String) { send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    private static let mostInMessage = 128

    private func send(_ text: String, with descriptors: [Int32] = []) {
        told?(text)
        guard !path.isEmpty else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = path[0] == 0
        let length = MemoryLayout<sa_family_t>.size + path.count + (isAbstract ? 0 : 1)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let message = Array(text.utf8)
        unsafe withUnsafeMutablePointer(to: &address) { target in
            unsafe Self.send(message, descriptors, by: descriptor, to: target, length: socklen_t(length))
        }
    }

    /// Sends a message and, with it, copies of descriptors (SCM_RIGHTS).
    private static func send(
        _ message: [UInt8], _ descriptors: [Int32], by socket: Int32, to address: UnsafeMutablePointer<sockaddr_un>,
        length: socklen_t
    ) {
        // SAFETY: all that the header points at outlives the call; the control message is as long as its header says, and its
        // descriptors stand behind that, aligned as their size wants.
        var message = message
        let head = MemoryLayout<cmsghdr>.size
        let bytes = head + descriptors.count * MemoryLayout<Int32>.size
        let control = UnsafeMutableRawPointer.allocate(byteCount: bytes + 8, alignment: 8)
        defer { unsafe control.deallocate() }
        var rights = cmsghdr()
        rights.cmsg_len = bytes
        rights.cmsg_level = SOL_SOCKET
        rights.cmsg_type = Int32(SCM_RIGHTS)
        unsafe control.storeBytes(of: rights, as: cmsghdr.self)
        for (index, descriptor) in descriptors.enumerated() {
            unsafe control.storeBytes(of: descriptor, toByteOffset: head + index * MemoryLayout<Int32>.size, as: Int32.self)
        }
        unsafe message.withUnsafeMutableBytes { data in
            var part = unsafe iovec(iov_base: data.baseAddress, iov_len: data.count)
            unsafe withUnsafeMutablePointer(to: &part) { parts in
                var header = unsafe msghdr()
                unsafe header.msg_name = UnsafeMutableRawPointer(address)
                unsafe header.msg_namelen = length
                unsafe header.msg_iov = parts
                unsafe header.msg_iovlen = 1
                if !descriptors.isEmpty {
                    unsafe header.msg_control = control
                    // CMSG_SPACE
                    unsafe header.msg_controllen = (bytes + 7) & ~7
                }
                _ = unsafe sendmsg(socket, &header, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
        }
    }
}
