internal import Glibc

/// What went wrong with a socket or a file, by what can be done about it.
public enum SocketError: Error, Hashable, Sendable {
    /// Nobody listens there.
    case refused
    /// The peer broke the connection off.
    case reset
    /// There is no way there at present.
    case unreachable
    /// The time for it was over.
    case timedOut
    /// This side closed the socket, or the peer ended the stream where more was due.
    case closed
    /// Another socket has the address.
    case addressInUse
    /// The machine does not have the address.
    case addressNotAvailable
    /// The right is missing.
    case permissionDenied
    /// There is no such file, or no host of that name.
    case notFound
    /// It is no regular file, but a directory, a pipe, a device or a socket.
    case notRegular
    /// Somebody else than this process's user or root may have written it.
    case notPrivate
    /// Another process writes to the file.
    case fileInUse
    /// Any other failure of the system, with its number and the call that met it.
    case system(errno: Int32, call: StaticString)

    /// The error for a number that the system gave.
    public init(errno code: Int32, call: StaticString) {
        switch code {
        case ECONNREFUSED: self = .refused
        case ECONNRESET, EPIPE, ECONNABORTED: self = .reset
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN: self = .unreachable
        case ETIMEDOUT: self = .timedOut
        case EADDRINUSE: self = .addressInUse
        case EADDRNOTAVAIL: self = .addressNotAvailable
        case EACCES, EPERM: self = .permissionDenied
        case ENOENT: self = .notFound
        default: self = .system(errno: code, call: call)
        }
    }

    /// Whether a number says only that it cannot be done at once.
    static func wouldBlock(_ result: Int) -> Bool {
        result == -Int(EAGAIN) || result == -Int(EWOULDBLOCK)
    }

    /// Whether it says something of the network or of a moment, after which the socket can be used as before.
    var isOfNetwork: Bool {
        switch self {
        case .closed, .system(EBADF, _), .system(ENOTSOCK, _), .system(EFAULT, _), .system(EINVAL, _), .system(ENOTCONN, _):
            false
        default: true
        }
    }

    /// Whether both are the same.
    public static func == (left: SocketError, right: SocketError) -> Bool {
        left.number == right.number
    }

    /// Feeds the hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
    }

    private var number: Int32 {
        switch self {
        case .refused: -1
        case .reset: -2
        case .unreachable: -3
        case .timedOut: -4
        case .closed: -5
        case .addressInUse: -6
        case .addressNotAvailable: -7
        case .permissionDenied: -8
        case .notFound: -9
        case .notRegular: -10
        case .notPrivate: -11
        case .fileInUse: -12
        case .system(let code, _): code
        }
    }
}

extension SocketError: CustomStringConvertible {
    /// One line for a log.
    public var description: String {
        switch self {
        case .refused: "connection refused: nobody listens there"
        case .reset: "the peer broke the connection off"
        case .unreachable: "no route there"
        case .timedOut: "timed out"
        case .closed: "closed"
        case .addressInUse: "the address is in use"
        case .addressNotAvailable: "this machine does not have the address"
        case .permissionDenied: "permission denied"
        case .notFound: "no such file, or no such host"
        case .notRegular: "is not a regular file"
        case .notPrivate: "belongs to another user, or others may write to it; expected an own file that only its owner may write"
        case .fileInUse: "another process writes to it; expected a file of its own for each"
        case .system(let code, let call): unsafe "\(call): \(String(cString: strerror(code)))"
        }
    }
}
