internal import COpenSSL
internal import Glibc

/// What went wrong with TLS, by what can be done about it. What went wrong below it is a `SocketError`.
public enum TLSError: Error, Hashable, Sendable {
    /// A file or option cannot be used: which one, and why.
    case configuration(String, reason: String)
    /// The peer's certificate is not to be trusted.
    case certificate(String)
    /// The peers do not understand each other, or somebody tampered with the bytes.
    case protocolFailure(String)
    /// The stream ended without the peer's farewell: what came may be cut short.
    case truncated
}

extension TLSError: CustomStringConvertible {
    /// One line for a log.
    public var description: String {
        switch self {
        case .configuration(let what, let reason): "\(what): \(reason)"
        case .certificate(let reason): "the certificate is not to be trusted: \(reason)"
        case .protocolFailure(let reason): "TLS: \(reason)"
        case .truncated: "TLS: the stream ended without a farewell"
        }
    }
}

/// OpenSSL's queue of errors, one for each thread.
enum ErrorQueue {
    /// Empties it, before a call whose errors matter.
    static func clear() { ERR_clear_error() }

    /// The reason of the first error in it; empties it.
    static func drain() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        // The top bit marks an error of the system's, whose number follows (ERR_SYSTEM_FLAG).
        if code & 0x8000_0000 != 0, code >> 32 == 0 { return unsafe String(cString: strerror(Int32(code & 0x7FFF_FFFF))) }
        guard let reason = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
        return unsafe String(cString: reason)
    }
}
