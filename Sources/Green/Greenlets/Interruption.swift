/// Why a wait ended without what it waited for. Every wait of a greenlet can throw it; clean up and let it pass.
public enum Interruption: Error, Hashable {
    /// The greenlet is being ended; each later wait throws this again.
    case killed
    /// The time of an enclosing `withTimeout` is over; each later wait inside of it throws this again.
    case timedOut(Timeout)
}

/// Reported of a greenlet that was interrupted, a kill or a timeout, and goes on waiting as if it were not: most often a
/// `try?` in a loop without end.
public struct IgnoredInterruption: Error, CustomStringConvertible {
    /// What it ignores.
    public let reason: Interruption
    /// So many waits it may begin before it is reported.
    static let limit: UInt32 = 100

    /// One line for a log.
    public var description: String { "it ignores that it is interrupted (\(reason)), and goes on: is there a try? in a loop?" }
}

/// Tells one `withTimeout` from another, so that nested ones are told apart.
public struct Timeout: Hashable, Sendable {
    let number: UInt64
}

/// An error that may say that a time is over.
public protocol TimeoutError: Error {
    /// Whether it says that.
    var saysTimeout: Bool { get }
}

extension Error {
    /// Whether a time is over: a `TimedOut`, `SocketError.timedOut`, the interruption of a timeout further out, and what other
    /// modules have of that kind. One question for all of them.
    public var isTimeout: Bool { (self as? any TimeoutError)?.saysTimeout ?? false }
}

extension Interruption: TimeoutError {
    /// Whether it is not a kill.
    public var saysTimeout: Bool { self != .killed }
}

/// What `withTimeout` throws where its own time was over.
public struct TimedOut: TimeoutError, Hashable, CustomStringConvertible {
    /// The limit that was set.
    public let limit: Duration

    /// It does.
    public var saysTimeout: Bool { true }

    /// The error for a limit that was passed.
    public init(limit: Duration) {
        self.limit = limit
    }

    /// One line for a log.
    public var description: String { "timed out after \(limit)" }
}
