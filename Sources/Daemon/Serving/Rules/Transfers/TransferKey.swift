internal import DNSWire
internal import Green
internal import GreenTLS
internal import Resolver

/// A key that is shared with the primaries of a zone (TSIG, RFC 8945).
struct TransferKey: Sendable, Equatable {
    /// Its name.
    let name: Name
    /// What hashes.
    let hash: MessageAuthentication.Hash
    private let secret: [UInt8]

    /// A file with a key is no larger.
    private static let sizeLimit = 4096
    /// Clocks may differ by so many seconds (RFC 8945 10).
    static let fudge: UInt16 = 300

    /// A key.
    init(name: Name, hash: MessageAuthentication.Hash, secret: [UInt8]) {
        (self.name, self.hash, self.secret) = (name, hash, secret)
    }

    /// Reads `hmac-sha256:name:secret`, as dig and kdig take it, or a `key` of BIND, as tsig-keygen writes it.
    init?(_ text: String) {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") && !$0.hasPrefix("//") }
        let words = lines.joined(separator: " ").split { " \t;{}\"".contains($0) }.map(String.init)
        let parts: [String]
        if words.count == 1 {
            parts = words[0].split(separator: ":", maxSplits: 2).map(String.init)
        } else if words.count == 6, words[0] == "key", words[2] == "algorithm", words[4] == "secret" {
            parts = [words[3], words[1], words[5]]
        } else {
            return nil
        }
        guard parts.count == 3, let hash = Self.hash(parts[0]), let name = Name(parts[1]), !name.isRoot,
            let secret = Base64Text.read(parts[2]), secret.count >= 8
        else { return nil }
        self.init(name: name.lowercased, hash: hash, secret: secret)
    }

    /// Reads a file; throws what is wrong with it, and nothing of what stands there. Blocks.
    static func read(_ path: String, _ files: any FileAccess) throws(DownloadProblem) -> TransferKey {
        let bytes: [UInt8]
        do throws(SocketError) {
            bytes = try files.read(path, limit: sizeLimit)
        } catch {
            throw .key("\(path): \(error.reason)")
        }
        guard let key = TransferKey(String(decoding: bytes, as: UTF8.self)) else {
            throw .key("\(path): no key there; expected hmac-sha256:NAME:SECRET (or hmac-sha512), or what tsig-keygen writes")
        }
        return key
    }

    private static func hash(_ name: String) -> MessageAuthentication.Hash? {
        switch name.lowercased() {
        case "hmac-sha256", "hmac-sha256.": .sha256
        case "hmac-sha512", "hmac-sha512.": .sha512
        default: nil
        }
    }

    /// The algorithm's name on the wire.
    private var algorithm: Name { Name(hash == .sha256 ? "hmac-sha256" : "hmac-sha512") ?? .root }

    /// The code of a text.
    func authenticate(_ text: [UInt8]) -> [UInt8]? { MessageAuthentication.code(hash, key: secret, text) }

    /// Signs a message: the code, which the answer's signature goes on from; nil where there can be none.
    func sign(_ message: inout [UInt8], at seconds: Int64, after former: [UInt8] = []) -> [UInt8]? {
        guard message.count >= MessageView.headerLength else { return nil }
        var signature = TransactionSignature(
            key: name, algorithm: algorithm, time: UInt64(clamping: seconds), fudge: Self.fudge,
            originalID: UInt16(message[0]) << 8 | UInt16(message[1]))
        let text = signature.hashed(after: former, message, isLater: false)
        guard let code = authenticate(text) else { return nil }
        signature.code = code
        signature.append(to: &message)
        return code
    }

    /// Whether a signature is this key's, and of now: nil where it is, else what is wrong with it (RFC 8945 5.2). `messages` are
    /// those that it is for, without signatures.
    func fault(
        of signature: TransactionSignature, after former: [UInt8], _ messages: [UInt8], isLater: Bool, at seconds: Int64
    ) -> UInt16? {
        guard signature.key == name, signature.algorithm == algorithm else { return TransactionSignature.badKey }
        let text = signature.hashed(after: former, messages, isLater: isLater)
        guard let code = authenticate(text), MessageAuthentication.isEqual(code, signature.code)
        else { return TransactionSignature.badSignature }
        let now = UInt64(clamping: seconds)
        let difference = now > signature.time ? now - signature.time : signature.time - now
        return difference <= UInt64(min(signature.fudge, Self.fudge)) ? nil : TransactionSignature.badTime
    }
}

/// Proves the messages of an answer one after the other (RFC 8945 5.3.1): the first and the last must be signed, and at least each
/// hundredth between them.
struct SignedAnswer {
    private let key: TransferKey
    /// The code of the message that was signed last: at first the request's.
    private var former: [UInt8]
    /// The messages since, which are not proven yet.
    private var unproven: [UInt8] = []
    private var unprovenCount = 0
    private var isLater = false

    /// So many messages in a row may be unsigned.
    private static let mostUnsigned = 99

    /// The answer to a request that was signed with a code.
    init(_ key: TransferKey, to code: [UInt8]) { (self.key, former) = (key, code) }

    /// Whether all that came is proven.
    var isProven: Bool { isLater && unprovenCount == 0 }

    /// Takes the next message, and its signature off it; throws for one that is not to be believed.
    mutating func take(_ message: inout [UInt8], at seconds: Int64) throws(DownloadProblem) {
        let id = (message[0], message[1])
        let signature: TransactionSignature?
        do throws(WireError) {
            signature = try TransactionSignature.take(off: &message)
        } catch {
            throw .signature("it cannot be read")
        }
        guard let signature else {
            guard isLater, unprovenCount < Self.mostUnsigned else { throw .signature("there is none") }
            unproven += message
            unprovenCount += 1
            return
        }
        if signature.error != 0 { throw .signature("the primary refuses ours: \(Self.words(signature.error))") }
        if let fault = key.fault(of: signature, after: former, unproven + message, isLater: isLater, at: seconds) {
            throw .signature(Self.words(fault))
        }
        (message[0], message[1]) = id
        (former, unproven, unprovenCount, isLater) = (signature.code, [], 0, true)
    }

    private static func words(_ fault: UInt16) -> String {
        switch fault {
        case TransactionSignature.badSignature: "it is not of this key (BADSIG)"
        case TransactionSignature.badKey: "it is of another key (BADKEY)"
        case TransactionSignature.badTime: "it is of another time; the clocks differ (BADTIME)"
        default: "error \(fault)"
        }
    }
}
