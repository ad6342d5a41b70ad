internal import CGreen
internal import Glibc

/// The machine's files.
struct SystemFiles: FileAccess {
    func read(_ path: String, limit: Int) throws(SocketError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "open") }
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

    func stamp(_ path: String) -> FileStamp? {
        var info = Glibc.stat()
        guard unsafe stat(path, &info) == 0 else { return nil }
        let modified = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
        return FileStamp(size: Int64(info.st_size), modified: modified, identity: UInt64(info.st_ino))
    }
}
