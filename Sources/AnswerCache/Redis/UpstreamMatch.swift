internal import Green

/// Which upstreams a text means: one as it is shown, or an address, with or without port, over whichever transport.
package struct UpstreamMatch: Hashable, Sendable {
    /// As it was given.
    let text: String
    /// Where the upstream is, where the text is not the whole of an encrypted one.
    private let address: SocketAddress?

    /// Reads a text; nil for one that means no upstream that there can be.
    package init?(_ text: String) {
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let address = Self.address(in: text)
        let isEncrypted = ["tls://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count }
        guard address != nil || isEncrypted else { return nil }
        self.text = text
        self.address = address
    }

    /// Whether an upstream, as the configuration writes it, is meant.
    package func includes(_ upstream: String) -> Bool {
        let hasTransport = Self.start(of: text) > text.startIndex
        return upstream == text || upstream == "\(text):53"
            || (!hasTransport && address != nil && Self.address(in: upstream) == address)
    }

    private static func address(in text: String) -> SocketAddress? {
        // Behind an address there may be a path, and the name of a certificate.
        SocketAddress(text[start(of: text)...].prefix { $0 != "/" && $0 != "#" }, defaultPort: 53)
    }

    /// Where the address begins, behind `tcp://` or its like.
    private static func start(of text: String) -> String.Index {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return text.startIndex }
        return text.index(colon, offsetBy: 3)
    }
}
