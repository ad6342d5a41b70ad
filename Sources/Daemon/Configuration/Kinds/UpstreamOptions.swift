internal import GreenTLS
internal import Resolver
internal import Upstream

/// What stands behind the `?` of an upstream.
struct UpstreamOptions {
    let node: ConfigurationNode
    let text: String
    let transport: UpstreamAddress.Transport
    /// The name that the certificate must be for.
    private(set) var tlsName: String?
    private var pins: [TLSPin] = []
    private var files: [String: String] = [:]
    private var usesGet = false

    private var keys: [String] {
        ["ca", "pin-sha256", "tls-name", "cert", "key"] + (transport == .https ? ["method"] : [])
    }

    init(node: ConfigurationNode, text: String, transport: UpstreamAddress.Transport) {
        self.node = node
        self.text = text
        self.transport = transport
    }

    /// Reads one option, `key=value`.
    mutating func read(_ option: Substring) throws(ConfigurationError) {
        let key = String(option.prefix { $0 != "=" })
        guard keys.contains(key) else {
            let nearest = ConfigurationError.nearest(to: key, among: keys)
            throw node.failure(
                "\(quoted(text)) has an option \(quoted(key)), which is not known",
                expected: nearest.map { "\($0)=…" } ?? "one of " + keys.joined(separator: ", "))
        }
        guard let value = decoded(option.dropFirst(key.count + 1)), !value.isEmpty, !value.utf8.contains(0) else {
            throw node.failure("\(quoted(text)) has an option \(key) without a value", expected: "\(key)=…")
        }
        switch key {
        case "pin-sha256":
            guard let digest = Base64Text.read(value), digest.count == 32 else {
                throw node.failure(
                    "\(quoted(value)) is not the SHA-256 of a key", expected: "32 bytes in base64, 44 characters with the last =")
            }
            pins.append(.key(digest))
        case "tls-name": tlsName = value
        case "method":
            guard let isGet = ["get": true, "post": false][value.lowercased()] else {
                throw node.failure("\(quoted(text)) has the method \(quoted(value))", expected: "get or post")
            }
            usesGet = isGet
        default:
            guard files.updateValue(value, forKey: key) == nil else {
                throw node.failure("\(quoted(text)) has \(key) twice", expected: "it once")
            }
        }
    }

    /// Puts them in their places.
    func apply(to encryption: inout UpstreamEncryption) throws(ConfigurationError) {
        if (files["cert"] == nil) != (files["key"] == nil) {
            throw node.failure(
                "\(quoted(text)) has a certificate without a key, or a key without one", expected: "cert=FILE&key=FILE")
        }
        encryption.pins += pins
        encryption.usesGet = usesGet
        encryption.trustFile = files["ca"]
        encryption.certificateFile = files["cert"]
        encryption.keyFile = files["key"]
    }

    /// A value with its `%` escapes read; nil where one is none, or the bytes are not UTF-8.
    private func decoded(_ value: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(value.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
