import DNSWire
import Resolver
import Upstream

@testable import Daemon

/// Readers of files and of texts in them.
enum FileTargets {
    /// Settings: read, or refused with a message that can be shown.
    static func yaml(_ bytes: [UInt8]) {
        var settings = Settings()
        do throws(ConfigurationError) {
            try settings.read(yaml: String(decoding: bytes, as: UTF8.self), file: "f")
        } catch {
            promise(!"\(error)".isEmpty, "a fault has a message")
        }
    }

    /// An upstream as a URL, and the same bytes as a DNS stamp: what is read is shown so that it is read as the same.
    static func upstreamURL(_ bytes: [UInt8]) {
        upstream(String(decoding: bytes, as: UTF8.self))
        upstream("sdns://" + PresentationText.base64URL(bytes))
    }

    private static func upstream(_ text: String) {
        let node = ConfigurationNode(.scalar(text), at: ConfigurationPlace(source: "f"))
        do throws(ConfigurationError) {
            let upstream = try UpstreamURL(node: node, expected: "an upstream", text: text).read()
            promise(!"\(upstream)".isEmpty, "an upstream is shown")
        } catch {
            promise(!"\(error)".isEmpty, "a fault has a message")
        }
    }

    /// A hosts file.
    static func hosts(_ bytes: [UInt8]) { _ = HostsTable.load(bytes, seed: 1) }

    /// The rules that were given to the running daemon, as they are kept over a restart: read, written, and shown.
    static func ownRules(_ bytes: [UInt8]) {
        let own = OwnRules(bytes)
        promise(OwnRules(own.bytes) == own, "what is kept is read as it was")
        for rule in own.rules {
            if let end = rule.endsAt { promise(!DurationText.print(.seconds(max(0, end))).isEmpty, "an end is shown") }
        }
    }

    /// What a list's server has packed: unpacked in pieces, or broken.
    static func gzip(_ bytes: [UInt8]) {
        _ = GzipReader.isGzip(bytes)
        guard let reader = try? GzipReader(bytes) else { return }
        var count = 0
        // One byte makes 1,032 of them at most.
        while let piece = try? reader.next() { count += piece.count }
        promise(count <= 1100 * bytes.count, "what is unpacked is bounded by what is packed")
    }

    /// What the kernel says of the machines around, in both of its forms.
    static func neighbours(_ bytes: [UInt8]) {
        promise(Neighbours.ofMessages(bytes).count <= bytes.count, "a neighbour takes bytes")
        promise(Neighbours.ofTable(bytes).count <= bytes.count, "a neighbour takes bytes")
    }
}
