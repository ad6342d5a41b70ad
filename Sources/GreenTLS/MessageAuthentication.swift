internal import COpenSSL

/// Codes by which whoever shares a secret proves a message (HMAC, RFC 2104).
package enum MessageAuthentication {
    /// What hashes.
    package enum Hash: Sendable, Hashable {
        case sha256
        case sha512

        /// The length of a code.
        package var length: Int { self == .sha256 ? 32 : 64 }
    }

    /// The code of a message; nil where OpenSSL makes none.
    package static func code(_ hash: Hash, key: [UInt8], _ message: [UInt8]) -> [UInt8]? {
        var length: UInt32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: hash.length) { buffer, count in
            let kind = unsafe hash == .sha256 ? EVP_sha256() : EVP_sha512()
            let made = unsafe HMAC(kind, key, Int32(clamping: key.count), message, message.count, buffer.baseAddress, &length)
            count = unsafe made == nil ? 0 : hash.length
        }
        return bytes.count == hash.length && Int(length) == hash.length ? bytes : nil
    }

    /// Whether two codes are the same, in a time that does not tell where they differ.
    package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        unsafe left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
