internal import Green
internal import GreenTLS
internal import Logging

/// What was read, and what its files were like before.
private struct Loaded: Sendable {
    let stamps: [FileStamp?]
    let certificates: ServerCertificates

    init(_ settings: TLSSettings, _ files: any FileAccess) throws {
        stamps = settings.files.map { files.stamp($0) }
        certificates = try ServerCertificates(settings, files)
    }
}

/// The certificates for clients: read at the start, and again when their files change. A bad pair changes nothing.
final class CertificatePart: Part {
    let name = "certificates"
    private let hub = Hub.current
    private let logger: Logger
    private var settings: TLSSettings
    private var stamps: [FileStamp?] = []
    private var looking: Greenlet<Void>?
    /// Another number for each set of files that is looked at: a look at an earlier one that is still going on has lost its say.
    private var round = 0
    /// What is in force; nil where nothing is encrypted.
    private(set) var certificates: ServerCertificates?
    /// Called with what takes its place.
    var changed: (ServerCertificates) -> Void = { _ in }

    /// The files are looked at this often.
    private static let interval = Duration.seconds(2)
    /// A certificate that ends soon is warned of this often.
    private static let warningInterval = Duration.seconds(86_400)

    /// The part for what `settings` name.
    init(_ settings: Settings, _ logger: Logger) {
        self.settings = settings.tls
        self.logger = logger
    }

    func start() throws {
        try read(settings)
        looking = hub.spawn(name: "certificates") { [weak self, hub] in
            var nextWarning = hub.loop.now().advanced(by: Self.warningInterval)
            while true {
                try hub.sleep(until: hub.loop.now().advanced(by: Self.interval))
                guard let self else { return }
                do {
                    try look()
                } catch let error as Interruption {
                    throw error
                } catch {
                    // No thread could be had, say: it is looked again.
                    logger.warning("certificates not looked at: \(error)")
                }
                guard hub.loop.now() >= nextWarning else { continue }
                nextWarning = hub.loop.now().advanced(by: Self.warningInterval)
                warn()
            }
        }
    }

    func adopt(_ settings: Settings) throws {
        guard settings.tls != self.settings else { return try look() }
        try read(settings.tls)
        self.settings = settings.tls
        if let certificates { changed(certificates) }
    }

    func status() throws -> [StatusField] {
        guard let certificates, let days = certificates.daysLeft(at: now) else { return [] }
        return [StatusField("certificates", certificates.expiries.count), StatusField("expires-days", days)]
    }

    func stop() throws {
        looking?.kill()
        looking = nil
    }

    /// Seconds since 1970.
    private var now: Int64 { hub.loop.wallTime() / 1_000_000_000 }

    /// Reads the files of some settings. What is wrong with one is thrown, and changes nothing.
    private func read(_ settings: TLSSettings) throws {
        guard settings.isGiven else {
            certificates = nil
            return
        }
        let files = hub.loop.files
        let loaded = try blocking { try Loaded(settings, files) }
        round += 1
        certificates = loaded.certificates
        stamps = loaded.stamps
        warn()
    }

    /// Reads the files again where one has changed; what is wrong then is said once.
    private func look() throws {
        guard settings.isGiven else { return }
        let (files, names, round) = (hub.loop.files, settings.files, round)
        let seen = try blocking { names.map { files.stamp($0) } }
        guard round == self.round, seen != stamps else { return }
        do {
            try read(settings)
            if let certificates { changed(certificates) }
            logger.info("certificates read again")
        } catch let error as Interruption {
            throw error
        } catch {
            stamps = seen
            logger.error("certificates not read again, nothing changed: \(error)")
        }
    }

    private func warn() {
        for warning in certificates?.warnings(at: now) ?? [] { logger.warning("\(warning)") }
    }
}
