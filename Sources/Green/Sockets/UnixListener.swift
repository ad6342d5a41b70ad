internal import CGreen
internal import Glibc

/// A listening Unix socket and the file that stands for it, with the mode that was asked for.
///
/// ```swift
/// let unix = try UnixListener(path: "/run/example/control.sock", mode: 0o600)
/// defer { unix.removeFile() }
/// let server = try StreamServer(listener: unix.listener, limit: 10) { … }
/// ```
public struct UnixListener: Sendable {
    /// The socket; it belongs to whoever listens on it.
    public let descriptor: Int32
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Binds a socket at `path`, with a file of this mode. A file that a dead process left there gives way; `addressInUse`
    /// is thrown where somebody listens, and where the file is no socket.
    public init(path: String, mode: UInt32 = 0o600, backlog: Int32 = 128) throws(SocketError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "socket") }
        self.path = path
        var made = false
        do throws(SocketError) {
            // The file is made with its mode: changed afterwards, what is at the path by then might be somebody else's.
            guard fchmod(descriptor, mode) == 0 else { throw SocketError(errno: errno, call: "fchmod") }
            var code = try Self.bind(descriptor, to: path, mode)
            if code == EADDRINUSE {
                try Self.removeDead(path)
                code = try Self.bind(descriptor, to: path, mode)
            }
            guard code == 0 else { throw SocketError(errno: code, call: "bind") }
            made = true
            // Nobody can connect before `listen`.
            var info = Glibc.stat()
            guard unsafe lstat(path, &info) == 0, listen(descriptor, backlog) == 0 else {
                throw SocketError(errno: errno, call: "listen")
            }
            device = info.st_dev
            inode = info.st_ino
        } catch {
            close(descriptor)
            if made { unsafe unlink(path) }
            throw error.at(.path(path))
        }
    }

    /// The socket as a server takes it.
    public var listener: Listener { Listener(descriptor: descriptor, kind: .stream, address: .unnamed, options: ListenOptions()) }

    /// Removes the file, unless it is another's by now.
    public func removeFile() {
        var info = Glibc.stat()
        if unsafe lstat(path, &info) == 0, info.st_dev == device, info.st_ino == inode { unsafe unlink(path) }
    }

    /// Removes a socket that nobody listens on.
    private static func removeDead(_ path: String) throws(SocketError) {
        var info = Glibc.stat()
        guard unsafe lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFSOCK else { throw .addressInUse }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw SocketError(errno: errno, call: "socket") }
        defer { close(probe) }
        guard try unsafe call(probe, path, connect) == ECONNREFUSED else { throw .addressInUse }
        unsafe unlink(path)
    }

    /// Binds a socket whose mode is set, so that its file has that mode: 0, or the error's number. The process's umask is set
    /// aside meanwhile; what other threads make in these microseconds gets no more than `mode`.
    static func bind(_ descriptor: Int32, to path: String, _ mode: UInt32) throws(SocketError) -> Int32 {
        // One at a time: two that put back what they found could leave the process with the other's.
        try maskLock.withLock { _ throws(SocketError) in
            let former = umask(0o777 & ~mode)
            defer { umask(former) }
            return try unsafe call(descriptor, path, Glibc.bind)
        }
    }

    private static let maskLock = Locked(0)

    /// Calls a function such as `bind` with a path: 0, or the error's number; `name` is for errors of the path itself.
    static func call(
        _ descriptor: Int32, _ path: String, as name: StaticString = "bind",
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SocketError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard !bytes.isEmpty, bytes.count <= room, !bytes.contains(0) else {
            throw SocketError(errno: bytes.count > room ? ENAMETOOLONG : EINVAL, call: name)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            let size = socklen_t(MemoryLayout<sockaddr_un>.size)
            return unsafe function(descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
        }
        return result == 0 ? 0 : errno
    }
}
