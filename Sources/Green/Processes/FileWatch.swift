internal import Glibc

/// Tells when a file changes: is made, written, replaced, given other rights, or removed (inotify). The folder that it is in is
/// watched, so that a file that is replaced by another, as careful programs do, is seen too, and one that does not exist yet. Needs
/// a hub on libevent; costs a descriptor for each watch.
///
/// ```swift
/// let watch = try FileWatch("/etc/example.pem")
/// while try watch.wait() {
///     // A file that is half written is an error: the former one stays, and the rest of it is a change of its own.
///     do { server.context = try blocking { try TLSContext.server(options) } } catch { log("\(error)") }
/// }
/// ```
///
/// Where the path is a symbolic link, changes of the link are seen, not those of the file that it leads to: watch that one as well.
/// Links in the folder's path are followed when the watch is made, and not again. Files of other machines (NFS) change unseen.
public final class FileWatch {
    /// The file.
    public let path: String
    private let name: [UInt8]
    private let descriptor: Int32
    private let watch: DescriptorWatch
    /// Whether the folder is watched no more: it is gone, is elsewhere, or its file system is.
    private var isOver = false

    /// What of a folder is looked at.
    private static let events =
        UInt32(IN_MODIFY) | UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE)
        | UInt32(IN_DELETE) | UInt32(IN_ATTRIB) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF)

    /// Watches a file from now on. Throws `notFound` where its folder is missing.
    public init(_ path: String, hub: Hub = .current) throws(SocketError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        guard let last = parts.last, !last.isEmpty, !path.utf8.contains(0) else {
            throw SocketError(errno: EINVAL, call: "inotify_add_watch").at(.path(path))
        }
        self.path = path
        name = Array(last.utf8)
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "inotify_init1") }
        do throws(SocketError) {
            let place = parts.count == 1 ? "." : folder.isEmpty ? "/" : folder
            guard unsafe inotify_add_watch(descriptor, place, Self.events) >= 0 else {
                throw SocketError(errno: errno, call: "inotify_add_watch").at(.path(place))
            }
            watch = try DescriptorWatch(descriptor, hub: hub)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Waits until the file has changed since the last wait, or since the watch was made (true), or `deadline` passes (false).
    /// Changes that came together are one. Where the folder is removed, moved or unmounted that is a change, the last one: later waits
    /// throw `closed`, and a new watch is to be made. Throws the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func wait(until deadline: Instant = .never) throws -> Bool {
        while true {
            if takeEvents() { return true }
            if isOver { throw SocketError.closed }
            guard try watch.waitReadable(until: deadline) else { return false }
        }
    }

    /// Takes what has come, as much as a few buffers hold: whether any of it is about the file.
    private func takeEvents() -> Bool {
        var isChanged = false
        for _ in 0..<16 {
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
                count = max(0, unsafe read(descriptor, buffer.baseAddress, buffer.count))
            }
            if bytes.isEmpty { break }
            if isAboutFile(bytes) { isChanged = true }
        }
        return isChanged
    }

    /// Whether one of the events in these bytes is about the file, or says that some were lost, or that the folder is gone.
    private func isAboutFile(_ bytes: [UInt8]) -> Bool {
        var (offset, isAbout) = (0, false)
        // A number, what happened, a cookie, and how long the name is that follows, filled up with zeros (inotify(7)).
        while offset + 16 <= bytes.count {
            func word(_ place: Int) -> UInt32 {
                unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset + place, as: UInt32.self) }
            }
            let (what, length) = (word(4), Int(word(12)))
            guard length <= bytes.count - offset - 16 else { return true }
            let isEnd = UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_IGNORED) | UInt32(IN_UNMOUNT)
            if what & isEnd != 0 {
                // Said once, though the kernel says it in two events.
                if !isOver { (isOver, isAbout) = (true, true) }
                offset += 16 + length
                continue
            }
            let isOfFolder = UInt32(IN_Q_OVERFLOW)
            if what & isOfFolder != 0
                || bytes[(offset + 16)..<(offset + 16 + length)].prefix(while: { $0 != 0 }).elementsEqual(name)
            {
                isAbout = true
            }
            offset += 16 + length
        }
        return isAbout
    }
}
