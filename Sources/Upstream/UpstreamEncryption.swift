package import GreenTLS

/// How an encrypted upstream proves who it is, and how we do. What its files hold is not here: whoever makes the TLS context
/// reads them.
package struct UpstreamEncryption: Sendable, Hashable {
    /// The name, or the address, that its certificate must be for.
    package var name: String
    /// Whether the operator wrote that name: then pins are held besides the certificate's chain, else instead (RFC 8310 6.5).
    package var isNamed: Bool
    /// What its certificate is known by besides.
    package var pins: [TLSPin] = []
    /// The PEM file of who may vouch for it; nil for those whom the system trusts.
    package var trustFile: String?
    /// The PEM files of our own certificate and its key, for servers that want to know.
    package var certificateFile: String?
    /// The key of that certificate.
    package var keyFile: String?
    /// Where questions go over HTTP.
    package var path = UpstreamEncryption.usualPath
    /// Whether they go there by GET, which caches on the way can answer.
    package var usesGet = false

    /// Where questions go unless something else is written.
    package static let usualPath = "/dns-query"

    /// A path as others may see it: where it is not the usual one it may say whose account this is.
    static func shown(_ path: String) -> String { path == usualPath ? path : "/..." }

    /// An upstream with a certificate for `name`.
    package init(_ name: String, isNamed: Bool) {
        self.name = name
        self.isNamed = isNamed
    }

    /// Whom TLS expects at a place.
    func peer(at place: String) -> TLSPeer {
        var peer = TLSPeer(name)
        peer.pins = pins
        peer.trustsPinsAlone = !isNamed && trustFile == nil
        peer.place = place
        return peer
    }
}
