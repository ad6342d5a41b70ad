internal import Green
internal import GreenTLS
internal import Upstream

/// The TLS contexts of encrypted upstreams: who may vouch for them, and who we are. Those that stand on the same files share
/// one; it stays as long as its files are as they were, and with it connections and sessions.
struct UpstreamContexts {
    /// What a context stands on.
    private struct Grounds: Hashable {
        let trustFile: String?
        let certificateFile: String?
        let keyFile: String?
        let transport: UpstreamAddress.Transport

        init(_ encryption: UpstreamEncryption, _ transport: UpstreamAddress.Transport) {
            trustFile = encryption.trustFile
            certificateFile = encryption.certificateFile
            keyFile = encryption.keyFile
            self.transport = transport
        }

        var files: [String] { [trustFile, certificateFile, keyFile].compactMap(\.self) }
    }

    private struct Entry {
        let context: TLSContext
        let stamps: [FileStamp?]
    }

    private var entries: [Grounds: Entry] = [:]

    /// Makes what some upstreams need, and forgets the rest. Reads files: may block. Throws where one is of no use; then what
    /// there was stays.
    mutating func prepare(for upstreams: [UpstreamAddress], _ files: any FileAccess) throws(DaemonError) {
        var new: [Grounds: Entry] = [:]
        for upstream in upstreams {
            guard let encryption = upstream.encryption else { continue }
            let grounds = Grounds(encryption, upstream.transport)
            guard new[grounds] == nil else { continue }
            let stamps = grounds.files.map { files.stamp($0) }
            if let old = entries[grounds], old.stamps == stamps, !stamps.contains(nil) || stamps.isEmpty {
                new[grounds] = old
                continue
            }
            do throws(TLSError) {
                new[grounds] = Entry(context: try Self.make(grounds), stamps: stamps)
            } catch {
                throw .upstream("\(upstream)", "\(error)")
            }
        }
        entries = new
    }

    /// What an upstream is spoken to with; nil for one in the clear.
    func context(for upstream: UpstreamAddress) -> TLSContext? {
        upstream.encryption.flatMap { entries[Grounds($0, upstream.transport)]?.context }
    }

    private static func make(_ grounds: Grounds) throws(TLSError) -> TLSContext {
        var options = TLSClientOptions()
        if let file = grounds.trustFile { options.trust = .file(file) }
        if let certificate = grounds.certificateFile, let key = grounds.keyFile {
            options.identity = TLSIdentity(certificateFile: certificate, keyFile: key)
        }
        options.protocols = [grounds.transport == .https ? "h2" : "dot"]
        return try TLSContext.client(options)
    }
}
