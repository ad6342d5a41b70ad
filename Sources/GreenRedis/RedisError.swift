public import Green

/// Why a command has no reply.
public enum RedisError: Error, Hashable, Sendable {
    /// There is no connection at present: why.
    case notConnected(String)
    /// The reply did not come in time.
    case timedOut
    /// Too much waits already.
    case overloaded
    /// The server sent what is no reply, or one beyond the limits.
    case protocolViolation(String)
    /// The server says that it will not, in its own words.
    case refused(String)
    /// The command is not for this connection: its name, and what is.
    case unsuitable(String, String)
    /// This side closed the connection.
    case closed
}

extension RedisError: TimeoutError {
    /// Whether it is `timedOut`.
    public var saysTimeout: Bool { self == .timedOut }
}

extension RedisError: CustomStringConvertible {
    /// One line for a log.
    public var description: String {
        switch self {
        case .notConnected(let reason): "not connected: \(reason)"
        case .timedOut: "no reply in time"
        case .overloaded: "too many commands wait"
        case .protocolViolation(let what): "not a reply: \(what)"
        case .refused(let words): words
        case .unsuitable(let command, let advice): "\(command) is not for a connection that others use: \(advice)"
        case .closed: "closed"
        }
    }
}
