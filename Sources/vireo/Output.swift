internal import Daemon
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
        switch WholeWrite.write(Array(bytes), to: descriptor).code {
        case nil: return
        case EPIPE, ECONNRESET: throw .closed
        case let code?: throw .failed(reason: unsafe String(cString: strerror(code)))
        }
    }

    /// Writes a text to standard output.
    static func write(_ text: String) throws(Failure) { try write(Array(text.utf8)[...]) }
}
