internal import Green

/// Which upstreams a text means: one as the configuration writes it, or an address, with or without port, over whichever
/// transport.
package struct UpstreamMatch: Hashable, Sendable {
    /// As it was given.
    let text: String
    /// Where the upstream is.
    private let address: SocketAddress

    /// Reads a text; nil for one that means no upstream that there can be.
    package init?(_ text: String) {
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let address = Self.address(in: text)
        else { return nil }
        self.text = text
        self.address = address
    }

    /// Whether an upstream, as the configuration writes it, is meant.
    package func includes(_ upstream: String) -> Bool {
        let hasTransport = Self.start(of: text) > text.startIndex
        return upstream == text || upstream == "\(text):53" || (!hasTransport && Self.address(in: upstream) == address)
    }

    private static func address(in text: String) -> SocketAddress? {
        SocketAddress(text[start(of: text)...], defaultPort: 53)
    }

    /// Where the address begins, behind `tcp://` or its like.
    private static func start(of text: String) -> String.Index {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return text.startIndex }
        return text.index(colon, offsetBy: 3)
    }
}
