internal import Green
internal import Resolver

/// The keys of DNS cookies in a file: lines of 32 hexadecimal digits, the first for new ones.
enum CookieSecret {
    /// So many keys at most: each costs a hash for a cookie that is not good.
    private static let mostKeys = 4
    /// A file is no larger.
    private static let sizeLimit = 4_096

    /// Reads them; none where no file is given.
    static func read(_ path: String?, _ files: any FileAccess) throws(DaemonError) -> [CookieKey] {
        guard let path else { return [] }
        let bytes: [UInt8]
        do throws(SocketError) {
            bytes = try files.read(path, limit: sizeLimit)
        } catch {
            throw .cookies(path, error.reason)
        }
        var keys: [CookieKey] = []
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let text = line.filter { !$0.isWhitespace }
            if text.isEmpty || text.hasPrefix("#") { continue }
            guard text.utf8.count == 32, let key = CookieKey(self.bytes(text)) else {
                // Not what stands there: it may be half a secret.
                throw .cookies(path, "a line that is no key; expected 32 hexadecimal digits")
            }
            keys.append(key)
        }
        guard (1...mostKeys).contains(keys.count) else {
            throw .cookies(path, "\(keys.count) keys; expected 1 to \(mostKeys), each 32 hexadecimal digits on a line of its own")
        }
        return keys
    }

    private static func bytes(_ text: String) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }.map { UInt8($0) }
        guard digits.count == 32 else { return [] }
        return stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
