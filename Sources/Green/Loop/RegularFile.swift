internal import Glibc

/// Files that are read as a whole or in parts. A pipe, a device, a socket or a directory is none of them: opening or reading
/// one could wait for ever, or never come to an end.
package enum RegularFile {
    /// Opens the file at `path` for reading, symbolic links followed; throws `notRegular` for anything but a regular file.
    /// Never waits for another process. The descriptor is the caller's, to be closed.
    package static func open(_ path: String) throws(SocketError) -> Int32 {
        try met(at: .path(path)) { () throws(SocketError) in try openRegular(path) }
    }

    private static func openRegular(_ path: String) throws(SocketError) -> Int32 {
        try checkName(path)
        // Without O_NONBLOCK opening a pipe waits for a writer; on a regular file it changes nothing.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            // What a socket's file says to being opened.
            throw errno == ENXIO ? .notRegular : SocketError(errno: errno, call: "open")
        }
        var info = Glibc.stat()
        if unsafe fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG { return descriptor }
        close(descriptor)
        throw .notRegular
    }

    /// Refuses a name with a NUL in it: the system would take what is before it for the name.
    package static func checkName(_ path: String) throws(SocketError) {
        if path.utf8.contains(0) { throw .system(errno: EINVAL, call: "open") }
    }

    /// Refuses the file at `path` before a library opens it by itself: when it is no regular file, or larger than `limit`.
    package static func check(_ path: String, limit: Int) throws(SocketError) {
        let descriptor = try open(path)
        defer { close(descriptor) }
        var info = Glibc.stat()
        guard unsafe fstat(descriptor, &info) == 0 else { throw SocketError(errno: errno, call: "fstat") }
        guard info.st_size <= limit else { throw SocketError(errno: EFBIG, call: "open") }
    }
}
