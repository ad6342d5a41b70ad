internal import CGreen
internal import Glibc

/// A Unix socket for datagrams: messages between processes of this machine, whole, in order, and none is lost. Belongs to its
/// hub's thread; needs a hub on libevent. A system call for each datagram.
///
/// ```swift
/// let log = try UnixDatagramSocket()
/// _ = try log.send(Array("<13>hello".utf8), to: "/dev/log")
/// ```
public final class UnixDatagramSocket {
    /// The hub it belongs to.
    public let hub: Hub
    /// The name that it is bound to; nil for one that only sends.
    public let path: String?
    private var descriptor: Int32
    private let watch: DescriptorWatch
    /// Where datagrams are received, before each gets memory of its own length.
    private var room: [UInt8] = []
    /// The file that stands for it.
    private var file: (device: dev_t, inode: ino_t)?

    /// A socket with a name that others send to, with a file of that mode, or without one. A name that is taken already is an
    /// error: `addressInUse`.
    public init(path: String? = nil, mode: UInt32 = 0o600, hub: Hub = .current) throws(SocketError) {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "socket") }
        do throws(SocketError) {
            if let path {
                let code = try UnixListener.bind(descriptor, to: path, mode)
                guard code == 0 else { throw SocketError(errno: code, call: "bind").at(.path(path)) }
                var info = Glibc.stat()
                if unsafe lstat(path, &info) == 0 { file = (info.st_dev, info.st_ino) }
            }
            watch = try DescriptorWatch(descriptor, hub: hub)
        } catch {
            Glibc.close(descriptor)
            if let path, file != nil { unsafe unlink(path) }
            throw error
        }
        self.descriptor = descriptor
        self.hub = hub
        self.path = path
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
        removeFile()
    }

    /// Sends a datagram to who is bound to `path`. Waits where the receiver takes no more: false where it has not by `deadline`.
    /// Throws `refused` and `notFound` where nobody is bound there.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func send(_ bytes: [UInt8], to path: String, until deadline: Instant = .never) throws -> Bool {
        unsafe hub.core.checkThread("a socket")
        while descriptor >= 0 {
            var sent = 0
            let code = try unsafe UnixListener.call(descriptor, path, as: "sendto") { descriptor, address, size in
                sent = unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, size)
                return sent < 0 ? -1 : 0
            }
            if code == 0 { return true }
            if code == EINTR { continue }
            guard code == EAGAIN || code == ENOBUFS else { throw SocketError(errno: code, call: "sendto").at(.path(path)) }
            // The kernel says when this socket can send, not when that receiver can take: so look again after a moment.
            guard hub.loop.now() < deadline else { return false }
            try hub.sleep(until: min(deadline, hub.loop.now() + .milliseconds(1)))
        }
        throw SocketError.closed
    }

    /// Waits for a datagram: its bytes, and the name that its sender is bound to, nil for one that is not; nil where none has come
    /// by `deadline`. One of more than `limit` bytes is cut. Throws `closed` once the socket is.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func receive(
        upTo limit: Int = DatagramSocket.longest, until deadline: Instant = .never
    ) throws -> (bytes: [UInt8], sender: String?)? {
        unsafe hub.core.checkThread("a socket")
        require(limit > 0, "room for a datagram of \(limit) bytes")
        while descriptor >= 0 {
            var address = sockaddr_un()
            var size = socklen_t(MemoryLayout<sockaddr_un>.size)
            var got = 0
            if room.count < limit { room = [UInt8](repeating: 0, count: limit) }
            unsafe room.withUnsafeMutableBytes { buffer in
                got = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                    let raw = unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
                    return unsafe recvfrom(descriptor, buffer.baseAddress, limit, 0, raw, &size)
                }
            }
            if got >= 0 { return (Array(room.prefix(got)), Self.name(of: address, size)) }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { throw SocketError(errno: errno, call: "recvfrom") }
            guard try watch.waitReadable(until: deadline) else { return nil }
        }
        throw SocketError.closed
    }

    /// Closes it, and removes the file that stands for it, unless that is another's by now. All waits on it throw `closed`.
    public func close() {
        unsafe hub.core.checkThread("a socket")
        guard descriptor >= 0 else { return }
        watch.close()
        Glibc.close(descriptor)
        descriptor = -1
        removeFile()
    }

    private func removeFile() {
        guard let path, let file else { return }
        self.file = nil
        var info = Glibc.stat()
        if unsafe lstat(path, &info) == 0, info.st_dev == file.device, info.st_ino == file.inode { unsafe unlink(path) }
    }

    /// The path in an address of that size; nil for a socket without a name.
    private static func name(of address: sockaddr_un, _ size: socklen_t) -> String? {
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
        return unsafe withUnsafeBytes(of: address.sun_path) { bytes in
            let count = min(bytes.count, max(0, Int(size) - offset))
            let name = unsafe Array(bytes[..<count].prefix { $0 != 0 })
            return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
        }
    }
}
