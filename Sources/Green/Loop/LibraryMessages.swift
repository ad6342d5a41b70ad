internal import CLibevent
internal import Glibc

/// What a library beneath Green, or a server of Green's, has to say to an operator.
public struct LibraryMessage: Sendable, Hashable, CustomStringConvertible {
    /// How much it matters.
    public enum Level: String, Sendable {
        case debug, info, warning, error
    }

    /// Who says it, such as `libevent`.
    public let source: String
    /// How much it matters.
    public let level: Level
    /// What it says, in one line.
    public let text: String

    /// One line for a log.
    public var description: String { "\(source): \(text)" }
}

/// Where the messages of libraries go: to a handler of the program's, else warnings and errors to standard error. A library
/// that repeats itself is heard ten times a second at most.
public enum LibraryMessages {
    private struct State {
        var handler: (@Sendable (LibraryMessage) -> Void)?
        var second: UInt64 = 0
        var count = 0
    }

    private static let state = Locked(State())
    private static let mostPerSecond = 10

    /// Hands all messages of the process to `handler` from now on, on whatever thread they come up; it must not wait. Nil
    /// for standard error.
    public static func handle(by handler: (@Sendable (LibraryMessage) -> Void)?) {
        listen()
        state.withLock { $0.handler = handler }
    }

    /// Passes a message of Green's own on. Its sender sees to it that it does not repeat itself.
    package static func tell(_ source: String, _ level: LibraryMessage.Level, _ text: String) {
        let message = LibraryMessage(source: source, level: level, text: text)
        if let handler = state.withLock({ $0.handler }) { return handler(message) }
        guard level == .warning || level == .error else { return }
        var line = "\(message)\n"
        line.withUTF8 { bytes in _ = unsafe write(2, bytes.baseAddress!, bytes.count) }
    }

    /// Has libevent's messages come here; whoever makes a loop calls it.
    static func listen() { _ = libevent }

    private static let libevent: Void = unsafe event_set_log_callback { severity, text in
        guard let text = unsafe text, mayPass() else { return }
        let level: LibraryMessage.Level =
            switch severity {
            case EVENT_LOG_DEBUG: .debug
            case EVENT_LOG_MSG: .info
            case EVENT_LOG_WARN: .warning
            default: .error
            }
        tell("libevent", level, unsafe String(cString: text))
    }

    private static func mayPass() -> Bool {
        let now = LibeventLoop.monotonic() / 1_000_000_000
        return state.withLock { state in
            if state.second != now { (state.second, state.count) = (now, 0) }
            state.count += 1
            return state.count <= mostPerSecond
        }
    }
}
