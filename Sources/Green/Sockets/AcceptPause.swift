internal import Glibc

/// How long a listener's loop rests when the system gives it no connection: for longer each time, until one comes. Said
/// once, and said to be over.
package struct AcceptPause {
    private let place: String
    private var next = AcceptPause.shortest
    private var isTold = false

    private static let shortest = Duration.milliseconds(10)
    private static let longest = Duration.seconds(1)

    /// For a listener that is told by that name.
    package init(_ place: String) {
        self.place = place
    }

    /// Whether an error of `accept` is the connection's that was to come, or nothing: the next one may come at once.
    package static func isPassing(_ code: Int32) -> Bool {
        // What accept(2) says of TCP: errors that are pending on the new socket.
        [
            ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM,
        ].contains(code)
    }

    /// The system gave none, with that error: how long to rest.
    package mutating func failed(_ code: Int32) -> Duration {
        if !isTold {
            isTold = true
            let reason = unsafe String(cString: strerror(code))
            LibraryMessages.tell("green", .warning, "\(place) takes no connections at present: \(reason)")
        }
        defer { next = min(next * 2, Self.longest) }
        return next
    }

    /// A connection came.
    package mutating func succeeded() {
        guard isTold else { return }
        isTold = false
        next = Self.shortest
        LibraryMessages.tell("green", .info, "\(place) takes connections again")
    }
}
