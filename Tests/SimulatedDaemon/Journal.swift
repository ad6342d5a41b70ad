internal import Green
internal import Logging
internal import Synchronization

/// The log of a simulated daemon.
final class Journal: Sendable {
    /// Who hears each line.
    struct Listener: @unchecked Sendable {
        // SAFETY: called on the world's own thread only.
        var call: (String) -> Void = { _ in }
    }

    /// The last lines.
    let lines = Locked<[String]>([])
    /// Who hears them.
    let onLine = Locked(Listener())
    /// No more are kept.
    private static let most = 10_000

    /// Adds a line.
    func add(_ line: String) {
        lines.withLock { if $0.count < Self.most { $0.append(line) } }
        onLine.withLock { $0.call }(line)
    }

    /// The journal of the daemon that runs on this thread: a world has one thread.
    static var current: Journal? {
        get { journals.withLock { $0[threadNumber] } }
        set { journals.withLock { $0[threadNumber] = newValue } }
    }

    private static let journals = Locked<[UInt: Journal]>([:])

    /// Has all loggers of the process write to the journal of their thread, once.
    static func bootstrap() { _ = isBootstrapped }

    private static let isBootstrapped: Bool = {
        LoggingSystem.bootstrap { _ in JournalHandler() }
        return true
    }()
}

/// Hands records to the thread's journal.
private struct JournalHandler: LogHandler {
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        Journal.current?.add("\(event.level) \(event.message)\(fields)")
    }
}
