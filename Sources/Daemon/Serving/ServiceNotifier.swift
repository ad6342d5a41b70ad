internal import Glibc

/// Tells the service manager how the daemon is doing (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names.
/// Without that variable it says nothing. Never waits, and never fails: nobody's answer depends on it.
struct ServiceNotifier: Sendable {
    private let path: [UInt8]

    /// Speaks to the socket at `path`; a leading `@` stands for the abstract namespace. Nothing for nobody.
    init(path: String?) {
        var bytes = Array((path ?? "").utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        // One byte less than the address has room for ends the path.
        self.path = bytes.count < 108 ? bytes : []
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

    private func send(_ text: String) {
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
        unsafe withUnsafePointer(to: &address) { pointer in
            // SAFETY: an address of a family of its own may be read as any address, as far as its length goes.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = unsafe sendto(
                    descriptor, message, message.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), target,
                    socklen_t(length))
            }
        }
    }
}
