internal import Green
internal import Logging
internal import Resolver

/// The hosts file, read again when it changes.
struct HostsWatch {
    private let path: String
    private var stamp: FileStamp?
    /// When it is read again though it has not changed, because it could not be read.
    private var retryAt: Instant?
    private let log: Logger
    /// What the file said when it was last read.
    private(set) var table: HostsTable?

    /// A file larger than this is not read.
    static let sizeLimit = 256 << 20
    /// After so long it is tried again.
    private static let retryInterval = Duration.seconds(10)

    /// Reads the file at `path`. Waits while a thread reads; throws when it cannot be read. One that is not there is waited
    /// for.
    init(_ path: String, log: Logger) throws {
        self.path = path
        self.log = log
        do {
            try read()
        } catch SocketError.notFound {
            log.warning("hosts file is not there; it is read when it comes", metadata: ["path": "\(path)"])
        }
    }

    /// Reads the file again where it has changed: true when there is another table. Waits while a thread reads.
    mutating func refresh() throws -> Bool {
        let (path, files) = (path, Hub.current.loop.files)
        let present = try blocking { files.stamp(path) }
        let now = Hub.current.loop.now()
        guard present != stamp || retryAt.map({ $0 <= now }) == true else { return false }
        let isNew = present != stamp
        do {
            try read()
            retryAt = nil
            return true
        } catch let error as SocketError {
            // What was known stays; said once for each change.
            stamp = present
            retryAt = error == .notFound ? nil : now.advanced(by: Self.retryInterval)
            guard isNew else { return false }
            log.warning(
                "hosts file cannot be read; its last content stays", metadata: ["path": "\(path)", "error": "\(error.reason)"])
            return false
        }
    }

    private mutating func read() throws {
        let (path, files, seed) = (path, Hub.current.loop.files, Hub.current.loop.random())
        let (stamp, table) = try blocking {
            let stamp = files.stamp(path)
            return (stamp, HostsTable.load(try files.read(path, limit: Self.sizeLimit), seed: seed))
        }
        self.stamp = stamp
        self.table = table
        if !table.problems.isEmpty {
            log.warning("hosts file has lines that are left out", metadata: ["path": "\(path)", "problems": "\(table.problems)"])
        }
    }
}
