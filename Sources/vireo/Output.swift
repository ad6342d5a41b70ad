internal import Glibc

/// Bytes to a descriptor, without a buffer in between.
enum Output {
    /// Why not all was written.
    enum Failure: Error {
        /// Nobody reads any further, who needs no more.
        case closed
        /// It could not be: the disk is full, say.
        case failed(reason: String)
    }

    /// Writes all of it.
    static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32 = STDOUT_FILENO) throws(Failure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno != EINTR {
                if errno == EPIPE || errno == ECONNRESET { throw .closed }
                throw .failed(reason: unsafe String(cString: strerror(errno)))
            }
        }
    }

    /// Writes a text to standard output.
    static func write(_ text: String) throws(Failure) { try write(Array(text.utf8)[...]) }
}
