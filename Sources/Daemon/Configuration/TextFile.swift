internal import Glibc
internal import Green

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
        try text(of: readBytes())
    }

    /// Reads what comes from an open descriptor, whatever it is, to its end.
    package func read(from descriptor: Int32) throws(ConfigurationError) -> String {
        try text(of: readBytes(from: descriptor))
    }

    /// Bytes as text.
    private func text(of bytes: [UInt8]) throws(ConfigurationError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unreadable(file: path, reason: "is not UTF-8 text")
        }
        return text
    }

    /// Reads its bytes. A pipe or a device is refused: opening it could wait for ever.
    package func readBytes() throws(ConfigurationError) -> [UInt8] {
        let descriptor: Int32
        do throws(SocketError) {
            descriptor = try RegularFile.open(path)
        } catch {
            throw failure(error)
        }
        defer { close(descriptor) }
        return try readBytes(from: descriptor)
    }

    /// Reads up to the end.
    private func readBytes(from descriptor: Int32) throws(ConfigurationError) -> [UInt8] {
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
                throw failure(SocketError(errno: errno, call: "read"))
            }
            if count == 0 { return bytes }
            bytes += chunk
        }
        throw .unreadable(file: path, reason: "is larger than \(limit) bytes")
    }

    /// The error in the configuration's words.
    private func failure(_ error: SocketError) -> ConfigurationError {
        if let code = error.systemNumber {
            return .unreadable(file: path, reason: unsafe "cannot be read: " + String(cString: strerror(code)))
        }
        return switch error {
        case .notRegular: .unreadable(file: path, reason: error.reason)
        case .notFound: .unreadable(file: path, reason: "cannot be read: No such file or directory")
        case .permissionDenied: .unreadable(file: path, reason: "cannot be read: Permission denied")
        default: .unreadable(file: path, reason: "cannot be read: \(error.reason)")
        }
    }
}
