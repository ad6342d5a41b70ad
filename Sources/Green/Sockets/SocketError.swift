internal import Glibc

/// What went wrong with a socket or a file, by what can be done about it, and where: the host, port or path is in its text, but
/// two errors are the same wherever they were met.
///
/// ```swift
/// do { … } catch SocketError.refused { … }
/// ```
public struct SocketError: Error, Hashable, Sendable {
    private enum Kind: Int32 {
        case refused, reset, unreachable, timedOut, closed, addressInUse, addressNotAvailable, permissionDenied, notFound
        case notRegular, notPrivate, fileInUse, system
    }

    /// What few errors have, in memory of its own: most are one of the names below.
    private final class Detail: Sendable {
        let call: StaticString?
        let place: Place?

        init(call: StaticString?, place: Place?) {
            self.call = call
            self.place = place
        }
    }

    /// Where an error was met.
    package enum Place: Sendable {
        case address(SocketAddress)
        case host(String, port: UInt16?)
        case path(String)
    }

    private let kind: Kind
    private let number: Int32
    private let detail: Detail?

    private init(_ kind: Kind, number: Int32 = 0, call: StaticString? = nil, place: Place? = nil) {
        self.kind = kind
        self.number = number
        detail = call == nil && place == nil ? nil : Detail(call: call, place: place)
    }

    /// Nobody listens there.
    public static let refused = SocketError(.refused)
    /// The peer broke the connection off.
    public static let reset = SocketError(.reset)
    /// There is no way there at present.
    public static let unreachable = SocketError(.unreachable)
    /// The time for it was over.
    public static let timedOut = SocketError(.timedOut)
    /// This side closed the socket, or the peer ended the stream where more was due.
    public static let closed = SocketError(.closed)
    /// Another socket has the address.
    public static let addressInUse = SocketError(.addressInUse)
    /// The machine does not have the address.
    public static let addressNotAvailable = SocketError(.addressNotAvailable)
    /// The right is missing.
    public static let permissionDenied = SocketError(.permissionDenied)
    /// There is no such file, or no host of that name.
    public static let notFound = SocketError(.notFound)
    /// It is no regular file, but a directory, a pipe, a device or a socket.
    public static let notRegular = SocketError(.notRegular)
    /// Somebody else than this process's user or root may have written it.
    public static let notPrivate = SocketError(.notPrivate)
    /// Another process writes to the file.
    public static let fileInUse = SocketError(.fileInUse)

    /// Any other failure of the system, with its number and the call that met it.
    public static func system(errno code: Int32, call: StaticString) -> SocketError {
        SocketError(.system, number: code, call: call)
    }

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

    /// The system's number of a failure that has no name here; nil for the others.
    public var systemNumber: Int32? { kind == .system ? number : nil }

    /// The same error, met there; where it was met before is kept.
    package func at(_ place: Place) -> SocketError {
        detail?.place == nil ? SocketError(kind, number: number, call: detail?.call, place: place) : self
    }

    /// The same error, met nowhere in particular.
    package var nowhere: SocketError { SocketError(kind, number: number, call: detail?.call) }

    /// Whether a number says only that it cannot be done at once.
    static func wouldBlock(_ result: Int) -> Bool {
        result == -Int(EAGAIN) || result == -Int(EWOULDBLOCK)
    }

    /// Whether it says something of the network or of a moment, after which the socket can be used as before.
    var isOfNetwork: Bool {
        kind != .closed && !(kind == .system && [EBADF, ENOTSOCK, EFAULT, EINVAL, ENOTCONN].contains(number))
    }

    /// Whether both are the same, wherever they were met.
    public static func == (left: SocketError, right: SocketError) -> Bool {
        left.kind == right.kind && left.number == right.number
    }

    /// Feeds the hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(number)
    }

    /// Lets `catch SocketError.refused` pick this one out of all errors.
    public static func ~= (pattern: SocketError, error: any Error) -> Bool {
        (error as? SocketError) == pattern
    }
}

extension SocketError: TimeoutError {
    /// Whether it is `timedOut`.
    public var saysTimeout: Bool { self == .timedOut }
}

extension SocketError: CustomStringConvertible {
    /// Where it was met: a host and port, an address, or a path; nil where that is not known.
    public var place: String? {
        switch detail?.place {
        case .address(let address): "\(address)"
        case .host(let name, let port): port.map { "\(name):\($0)" } ?? name
        case .path(let path): path
        case nil: nil
        }
    }

    /// What went wrong, without the place.
    public var reason: String {
        switch kind {
        case .refused: "connection refused: nobody listens there"
        case .reset: "the peer broke the connection off"
        case .unreachable: "no route there"
        case .timedOut: "timed out"
        case .closed: "closed"
        case .addressInUse: "the address is in use"
        case .addressNotAvailable: "this machine does not have the address"
        case .permissionDenied: "permission denied"
        case .notFound: missing
        case .notRegular: "is not a regular file"
        case .notPrivate: "belongs to another user, or others may write to it; expected an own file that only its owner may write"
        case .fileInUse: "another process writes to it; expected a file of its own for each"
        case .system: unsafe "\(detail?.call ?? ""): \(String(cString: strerror(number)))"
        }
    }

    private var missing: String {
        switch detail?.place {
        case .host: "no such host"
        case .path: "no such file"
        case .address, nil: "no such file, or no such host"
        }
    }

    /// One line for a log.
    public var description: String { place.map { "\($0): \(reason)" } ?? reason }
}

/// Runs `body`, and says of a socket error that it was met there.
package func met<Success: ~Copyable, Failure: Error>(
    at place: @autoclosure () -> SocketError.Place, _ body: () throws(Failure) -> Success
) throws(Failure) -> Success {
    do throws(Failure) {
        return try body()
    } catch {
        throw (error as? SocketError)?.at(place()) as? Failure ?? error
    }
}
