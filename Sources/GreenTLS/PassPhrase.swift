internal import COpenSSL

/// What OpenSSL is told when it asks for a key's pass phrase; by itself it would ask whoever sits at the terminal.
final class PassPhrase {
    private let bytes: [UInt8]?
    private var wasAsked = false

    init(_ text: String?) {
        bytes = text.map { Array($0.utf8) }
    }

    /// What is wrong where a key could not be read although its file could; nil where it is not about the phrase.
    var complaint: String? {
        guard wasAsked else { return nil }
        return bytes == nil ? "the key is encrypted, and no pass phrase was given" : "the pass phrase does not fit the key"
    }

    /// Answers for a context from now on, which must be detached before this object goes.
    func attach(to context: OpaquePointer) {
        unsafe SSL_CTX_set_default_passwd_cb(context) { unsafe PassPhrase.answer($0, $1, $2, $3) }
        unsafe SSL_CTX_set_default_passwd_cb_userdata(context, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Has a context answer that there is no phrase.
    static func detach(from context: OpaquePointer) {
        unsafe SSL_CTX_set_default_passwd_cb(context) { unsafe PassPhrase.answer($0, $1, $2, $3) }
        unsafe SSL_CTX_set_default_passwd_cb_userdata(context, nil)
    }

    /// Says that there is no phrase, for what has none to be asked for, such as a certificate.
    static let refusal: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
        _, _, _, _ in -1
    }

    /// Writes the phrase into OpenSSL's buffer: its length, or -1 where there is none.
    private static func answer(
        _ buffer: UnsafeMutablePointer<CChar>?, _ room: Int32, _ forWriting: Int32, _ context: UnsafeMutableRawPointer?
    ) -> Int32 {
        guard let context = unsafe context else { return -1 }
        return unsafe Unmanaged<PassPhrase>.fromOpaque(context)._withUnsafeGuaranteedRef { phrase in
            phrase.wasAsked = true
            guard let buffer = unsafe buffer, let bytes = phrase.bytes, bytes.count <= Int(room) else { return -1 }
            // SAFETY: the buffer has room for `room` bytes.
            unsafe UnsafeMutableRawBufferPointer(start: buffer, count: bytes.count).copyBytes(from: bytes)
            return Int32(bytes.count)
        }
    }
}
