internal import CGreen
internal import Glibc

/// The machine's files.
struct SystemFiles: FileAccess {
    func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8] {
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

    func read(_ path: String, from offset: Int, count: Int) throws(SocketError) -> [UInt8] {
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

    func replace(_ path: String, _ nextPiece: () throws -> [UInt8]?) throws {
        try RegularFile.checkName(path)
        let temporary = path + ".new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let descriptor = unsafe open(temporary, flags, 0o600)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "open") }
        do {
            defer { close(descriptor) }
            while let piece = try nextPiece() { try append(piece, to: descriptor) }
            guard fsync(descriptor) == 0 else { throw SocketError(errno: errno, call: "fsync") }
            guard unsafe rename(temporary, path) == 0 else { throw SocketError(errno: errno, call: "rename") }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        syncDirectory(of: path)
    }

    private func append(_ piece: [UInt8], to descriptor: Int32) throws(SocketError) {
        var start = 0
        while start < piece.count {
            let count = unsafe piece.withUnsafeBytes { bytes in
                // SAFETY: `start` is below the count of the bytes.
                unsafe Glibc.write(descriptor, bytes.baseAddress! + start, bytes.count - start)
            }
            if count > 0 { start += count }
            if count < 0, errno != EINTR { throw SocketError(errno: errno, call: "write") }
        }
    }

    /// Makes the new name survive a loss of power. Where that cannot be done the file is good all the same.
    private func syncDirectory(of path: String) {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    func stamp(_ path: String) -> FileStamp? {
        var info = Glibc.stat()
        guard !path.utf8.contains(0), unsafe stat(path, &info) == 0 else { return nil }
        let modified = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
        return FileStamp(size: Int64(info.st_size), modified: modified, identity: UInt64(info.st_ino))
    }
}
