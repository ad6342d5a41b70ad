internal import Glibc

/// A small text file that is read as a whole.
package struct TextFile: Sendable {
    /// Its path.
    private let path: String
    /// More bytes than this are refused.
    private let limit: Int

    /// The file at `path`.
    package init(_ path: String, limit: Int = 1 << 20) {
        self.path = path
        self.limit = limit
    }

    /// Reads it. Blocks: not for a hub's thread.
    package func read() throws(ConfigurationError) -> String {
        let bytes = try readBytes()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unreadable(file: path, reason: "is not UTF-8 text")
        }
        return text
    }

    /// Reads its bytes. A pipe or a device is refused: opening it could wait for ever.
    package func readBytes() throws(ConfigurationError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure() }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(file: path, reason: "is not a regular file")
        }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let room = min(limit + 1 - bytes.count, 1 << 16)
            var count = 0
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
                count = unsafe Glibc.read(descriptor, buffer.baseAddress, room)
                // SAFETY: the kernel has written the first `count` bytes.
                initialized = max(0, count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure()
            }
            if count == 0 { return bytes }
            bytes += chunk
        }
        throw .unreadable(file: path, reason: "is larger than \(limit) bytes")
    }

    /// The error that errno tells.
    private func failure() -> ConfigurationError {
        let code = errno
        return .unreadable(file: path, reason: unsafe "cannot be read: " + String(cString: strerror(code)))
    }
}
