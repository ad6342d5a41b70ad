internal import Glibc

/// How long a listener's loop rests when the system gives it no connection: for longer each time, until one comes. Said
/// once, and said to be over when it has been so for a while: at the limit a connection comes for each that ends.
package struct AcceptPause {
    private let place: String
    private let tell: (LibraryMessage.Level, String) -> Void
    private var next = AcceptPause.shortest
    /// When it failed last, until its end was told of.
    private var failedAt: Instant?

    private static let shortest = Duration.milliseconds(10)
    private static let longest = Duration.seconds(1)
    /// Without a failure for so long it is over.
    private static let quiet = Duration.seconds(10)

    /// For a listener that is told by that name.
    package init(
        _ place: String, tell: @escaping (LibraryMessage.Level, String) -> Void = { LibraryMessages.tell("green", $0, $1) }
    ) {
        self.place = place
        self.tell = tell
    }

    /// Whether an error of `accept` is the connection's that was to come, or nothing: the next one may come at once.
    package static func isPassing(_ code: Int32) -> Bool {
        // What accept(2) says of TCP: errors that are pending on the new socket.
        [
            ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM,
        ].contains(code)
    }

    /// The system gave none, with that error: how long to rest.
    package mutating func failed(_ code: Int32, at now: Instant) -> Duration {
        if failedAt == nil {
            let reason = unsafe String(cString: strerror(code))
            tell(.warning, "\(place) takes no connections at present: \(reason)")
        }
        failedAt = now
        defer { next = min(next * 2, Self.longest) }
        return next
    }

    /// A connection came.
    package mutating func succeeded(at now: Instant) {
        guard let failedAt else { return }
        next = Self.shortest
        guard failedAt.duration(to: now) >= Self.quiet else { return }
        self.failedAt = nil
        tell(.info, "\(place) takes connections again")
    }
}
