internal import COpenSSL
internal import Glibc
internal import Green

/// The keys of session tickets, derived from a secret and the time: servers with the same secret resume each other's sessions,
/// and a server that starts again resumes those that it gave out before. Any thread.
@safe public final class TLSTicketKeys: Sendable {
    /// The keys of one period.
    private struct Keys: Sendable {
        let period: Int64
        /// What a ticket names its keys by.
        let name: [UInt8]
        let cipher: [UInt8]
        let mac: [UInt8]
    }

    private let secret: [UInt8]
    /// Seconds since 1970.
    let now: @Sendable () -> Int64
    private let known = Locked<[Keys]>([])

    /// Tickets are given out under one key for so many seconds.
    static let period: Int64 = 6 * 3600
    /// For so many periods after that they are still taken; a clock that is ahead is one period ahead at most.
    static let former: Int64 = 4
    /// For so long a session may be gone on with.
    private static let lifetime = 86_400
    /// The fewest bytes that a secret may have.
    public static let shortestSecret = 32

    /// Keys from a secret of at least `shortestSecret` bytes; nil for one of fewer.
    public convenience init?(secret: [UInt8]) {
        self.init(secret: secret) { Int64(time(nil)) }
    }

    /// Keys from a secret that nobody knows.
    public convenience init() {
        let secret = unsafe [UInt8](unsafeUninitializedCapacity: Self.shortestSecret) { buffer, count in
            // Without random bytes there are no keys, and no tickets.
            count = unsafe RAND_bytes(buffer.baseAddress, Int32(Self.shortestSecret)) == 1 ? Self.shortestSecret : 0
        }
        self.init(unchecked: secret) { Int64(time(nil)) }
    }

    /// The same with a clock of the caller's, in seconds since 1970.
    package convenience init?(secret: [UInt8], now: @escaping @Sendable () -> Int64) {
        guard secret.count >= Self.shortestSecret else { return nil }
        self.init(unchecked: secret, now: now)
    }

    private init(unchecked secret: [UInt8], now: @escaping @Sendable () -> Int64) {
        self.secret = secret
        self.now = now
    }

    /// Has a context's tickets encrypted so.
    func attach(to context: OpaquePointer) {
        guard !secret.isEmpty else { return }
        // SAFETY: the context's owner keeps this object, and every connection the owner.
        unsafe green_tls_set_context_owner(context, Unmanaged.passUnretained(self).toOpaque())
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Self.callback)
        unsafe SSL_CTX_set_timeout(context, Self.lifetime)
    }

    /// What OpenSSL calls for each ticket: 1 for a key, 2 where the client is to have another ticket, 0 for none.
    private static let callback:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, Int32
        ) -> Int32 = { ssl, name, iv, cipher, mac, encrypts in
            guard let ssl = unsafe ssl, let name = unsafe name, let iv = unsafe iv,
                let owner = unsafe green_tls_context_owner(ssl)
            else { return -1 }
            return unsafe Unmanaged<TLSTicketKeys>.fromOpaque(owner)._withUnsafeGuaranteedRef { keys in
                encrypts == 1
                    ? unsafe keys.encrypt(name, iv, cipher, mac)
                    : unsafe keys.decrypt(name, iv, cipher, mac, isUsedOnce: SSL_version(ssl) >= TLS1_3_VERSION)
            }
        }

    private func encrypt(
        _ name: UnsafeMutablePointer<UInt8>, _ iv: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?
    ) -> Int32 {
        guard let keys = keys(of: now() / Self.period), unsafe RAND_bytes(iv, 16) == 1 else { return -1 }
        // SAFETY: OpenSSL gives room for a name of 16 bytes.
        unsafe UnsafeMutableRawPointer(name).copyMemory(from: keys.name, byteCount: 16)
        return unsafe use(keys, cipher, mac, iv, encrypts: true) ? 1 : -1
    }

    /// Of TLS 1.3 a client uses each ticket once, so that nobody sees it come back by that (RFC 8446 C.4).
    private func decrypt(
        _ name: UnsafeMutablePointer<UInt8>, _ iv: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?, _ mac: OpaquePointer?,
        isUsedOnce: Bool
    ) -> Int32 {
        let given = unsafe Array(UnsafeBufferPointer(start: name, count: 16))
        let present = now() / Self.period
        // The period is no secret, and stands in the name.
        let period = given.prefix(8).reduce(Int64(0)) { $0 &<< 8 | Int64($1) }
        guard period >= present - Self.former, period <= present + 1, let keys = keys(of: period), keys.name == given,
            unsafe use(keys, cipher, mac, iv, encrypts: false)
        else { return 0 }
        return period == present && !isUsedOnce ? 1 : 2
    }

    private func use(
        _ keys: Keys, _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ iv: UnsafePointer<UInt8>, encrypts: Bool
    ) -> Bool {
        var key = keys.mac
        return unsafe green_tls_use_ticket_key(cipher, mac, keys.cipher, &key, iv, encrypts ? 1 : 0) == 1
    }

    /// The keys of a period, which is near the present one.
    private func keys(of period: Int64) -> Keys? {
        known.withLock { known in
            if let keys = known.first(where: { $0.period == period }) { return keys }
            guard let name = derive("name", period), let cipher = derive("cipher", period), let mac = derive("mac", period)
            else { return nil }
            let number = (0..<8).map { UInt8(truncatingIfNeeded: period >> (56 - 8 * Int64($0))) }
            let keys = Keys(period: period, name: number + name.prefix(8), cipher: cipher, mac: mac)
            known.append(keys)
            if known.count > Int(Self.former) + 2 { known.removeFirst() }
            return keys
        }
    }

    /// 32 bytes for a purpose and a period.
    private func derive(_ purpose: String, _ period: Int64) -> [UInt8]? {
        MessageAuthentication.code(.sha256, key: secret, Array("green session ticket, \(purpose), \(period)".utf8))
    }
}
