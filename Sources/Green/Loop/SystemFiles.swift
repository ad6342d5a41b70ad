internal import CGreen
internal import Glibc

/// The machine's files.
package struct SystemFiles: FileAccess {
    /// They need no loop; each call blocks.
    package init() {}

    package func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8] {
        let descriptor = try RegularFile.open(path)
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let got = unsafe Glibc.read(descriptor, &chunk, chunk.count)
            if got == 0 { return content }
            if got < 0 {
                if errno == EINTR { continue }
                throw SocketError(errno: errno, call: "read")
            }
            content.append(contentsOf: chunk[..<got])
            guard content.count <= limit else { throw SocketError(errno: EFBIG, call: "read") }
        }
    }

    package func read(_ path: String, from offset: Int, count: Int) throws(SocketError) -> [UInt8] {
        let descriptor = try RegularFile.open(path)
        defer { close(descriptor) }
        var failure: Int32 = 0
        let content = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                // SAFETY: `filled` is below the buffer's count, which is `count`.
                let got = unsafe pread(descriptor, buffer.baseAddress! + filled, count - filled, offset + filled)
                if got > 0 { filled += got }
                if got < 0, errno != EINTR { failure = errno }
                if got == 0 || failure != 0 { return }
            }
        }
        if failure != 0 { throw SocketError(errno: failure, call: "read") }
        return content
    }

    package func checkPrivate(_ path: String) throws(SocketError) {
        let descriptor = try RegularFile.open(path)
        defer { close(descriptor) }
        var info = Glibc.stat()
        guard unsafe fstat(descriptor, &info) == 0 else { throw SocketError(errno: errno, call: "fstat") }
        guard info.st_uid == geteuid() || info.st_uid == 0, info.st_mode & (S_IWGRP | S_IWOTH) == 0 else { throw .notPrivate }
    }

    package func stamp(_ path: String) -> FileStamp? {
        var info = Glibc.stat()
        guard !path.utf8.contains(0), unsafe stat(path, &info) == 0 else { return nil }
        let modified = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
        return FileStamp(size: Int64(info.st_size), modified: modified, identity: UInt64(info.st_ino))
    }
}
