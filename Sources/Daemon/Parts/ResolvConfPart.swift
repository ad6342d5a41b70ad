internal import Green
internal import Logging
internal import Resolver
internal import Upstream

/// Whom to ask where the settings name nobody: the servers of resolv.conf, which is looked at each second, for DHCP and
/// VPNs write it anew. A file that is missing, names nobody, or has come to name this daemon itself takes away none of the
/// servers that were known before, and does not keep the daemon from starting.
final class ResolvConfPart: Part {
    let name = "resolv.conf"
    private let hub = Hub.current
    private let logger: Logger
    private let usualPath: String
    private let machine: @Sendable () -> [IPAddress]
    private var settings: Settings
    private var found: [UpstreamAddress] = []
    private var stamp: FileStamp?
    /// What was last said of a file that is of no use.
    private var complaint: Logger.Message?
    private let looking: PeriodicLook
    /// Called when there are other upstreams.
    var changed: () -> Void = {}

    /// The file is looked at this often.
    private static let interval = Duration.seconds(1)
    /// A file larger than this is not read.
    private static let sizeLimit = 1 << 20

    /// The part for some settings; `machine` gives the addresses of this machine's interfaces, and may block.
    init(
        _ settings: Settings, _ logger: Logger, path: String = ResolverConfiguration.systemPath,
        machine: @escaping @Sendable () -> [IPAddress] = { Interfaces.addresses().map(\.address) }
    ) {
        self.settings = settings
        self.logger = logger
        usualPath = path
        self.machine = machine
        looking = PeriodicLook("resolv.conf", every: Self.interval, logger)
    }

    /// The file that is followed.
    private var path: String { settings.upstreamsFrom ?? usualPath }

    /// Whom to ask now: whom the settings name, else whom resolv.conf names or has named.
    var upstreams: [UpstreamAddress] { settings.upstreams.isEmpty ? found : settings.upstreams }

    /// Who knows where upstreams are that have a name.
    var bootstrap: [UpstreamAddress] { settings.bootstrap.isEmpty ? found : settings.bootstrap }

    /// Whether somebody is to be taken from the file.
    private var isNeeded: Bool { settings.upstreams.isEmpty || (settings.bootstrap.isEmpty && settings.needsBootstrap) }

    /// Where they come from, in a word for the log.
    var origin: String { settings.upstreams.isEmpty ? path : "configuration" }

    func start() throws {
        _ = try look()
        looking.start { [weak self] in
            try self?.look() ?? false
        } tell: { [weak self] in
            self?.changed()
        }
    }

    /// Goes by other settings; `changed` is not called: a reload tells all.
    func adopt(_ settings: Settings) throws {
        self.settings = settings
        stamp = nil
        _ = try look()
    }

    func status() throws -> [StatusField] {
        guard isNeeded else { return [] }
        let key = settings.upstreams.isEmpty ? "upstreams" : "bootstrap"
        return [StatusField(key, found.map(\.description).joined(separator: ", "))]
    }

    func stop() throws {
        looking.stop()
    }

    /// Reads the file where it has changed, or is needed and was of no use; says whether there are other upstreams.
    private func look() throws -> Bool {
        guard isNeeded else { return false }
        let (path, files, machine) = (path, hub.loop.files, machine)
        let (former, needsAny) = (stamp, found.isEmpty)
        let (present, text, addresses) = try blocking {
            let present = files.stamp(path)
            guard present != former || needsAny else { return (present, String?.none, [IPAddress]()) }
            guard let bytes = try? files.read(path, limit: Self.sizeLimit) else { return (nil, "", machine()) }
            return (present, String(decoding: bytes, as: UTF8.self), machine())
        }
        // A reload may have come meanwhile.
        guard isNeeded, let text else { return false }
        stamp = present
        let configuration = ResolverConfiguration(text)
        let new = settings.upstreams(of: configuration, on: addresses)
        guard !new.isEmpty else {
            complain(
                of: present == nil
                    ? "is missing" : configuration.nameservers.isEmpty ? "names no server" : "names only this server itself")
            return false
        }
        complaint = nil
        guard new != found else { return false }
        found = new
        logger.notice(
            settings.upstreams.isEmpty
                ? "upstreams are those of resolv.conf" : "bootstrap resolvers are those of resolv.conf",
            metadata: ["path": "\(path)", "upstreams": "\(new.map(\.description).joined(separator: ", "))"])
        return true
    }

    /// Says once what is wrong with the file, and what to do.
    private func complain(of fault: String) {
        let key = settings.upstreams.isEmpty ? "upstreams" : "bootstrap"
        let rest: Logger.Message =
            if !found.isEmpty {
                "resolv.conf \(fault): the \(key) known before stay until a restart; name resolvers under `\(key)`"
            } else if settings.upstreams.isEmpty {
                "resolv.conf \(fault), and no upstreams are set: nobody can be asked; name resolvers under `upstreams`"
            } else {
                "resolv.conf \(fault): nobody knows where upstreams are that have a name; name resolvers under `bootstrap`"
            }
        guard rest != complaint else { return }
        complaint = rest
        logger.warning(rest, metadata: ["path": "\(path)"])
    }
}
