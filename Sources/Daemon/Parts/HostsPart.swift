internal import Green
internal import Logging
internal import Resolver

/// The hosts file of the settings: read at the start, and again when it changes.
final class HostsPart: Part {
    let name = "hosts"
    private let logger: Logger
    private var path: String?
    private var watch: HostsWatch?
    /// Another number for each file that is watched: a look at an earlier one that is still going on has lost its say.
    private var round = 0
    private let looking: PeriodicLook
    /// Called when the file has changed by itself, with the new table in place.
    var changed: () throws -> Void = {}

    /// The file is looked at this often.
    private static let interval = Duration.seconds(1)

    /// The part for the file that `settings` name, if any.
    init(_ settings: Settings, _ logger: Logger) {
        path = settings.hosts
        self.logger = logger
        looking = PeriodicLook("hosts", every: Self.interval, logger)
    }

    /// What the file said when it was last read.
    var table: HostsTable? { watch?.table }

    func start() throws {
        watch = try read(path)
        looking.start { [weak self] in
            try self?.look() ?? false
        } tell: { [weak self] in
            try self?.changed()
        }
    }

    /// Reads another file where one is named, else looks at the present one. `changed` is not called: a reload tells all.
    func adopt(_ settings: Settings) throws {
        guard settings.hosts != path else {
            _ = try look()
            return
        }
        let watch = try read(settings.hosts)
        path = settings.hosts
        self.watch = watch
        round += 1
    }

    func status() throws -> [StatusField] {
        guard let path else { return [] }
        return [StatusField("path", path), StatusField("names", table?.count ?? 0)]
    }

    func stop() throws {
        looking.stop()
    }

    /// Reads the file again where it has changed; says whether there is another table.
    private func look() throws -> Bool {
        // A copy, for nothing may wait while it has hold of the property.
        guard var watch else { return false }
        let round = round
        let isNew = try watch.refresh()
        guard round == self.round else { return false }
        self.watch = watch
        return isNew
    }

    /// Reads a file that is new to the daemon. It may be missing yet.
    private func read(_ path: String?) throws -> HostsWatch? {
        guard let path else { return nil }
        do {
            return try HostsWatch(path, log: logger)
        } catch let error as SocketError {
            throw DaemonError.hosts(path, error)
        }
    }
}
