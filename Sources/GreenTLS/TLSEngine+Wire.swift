internal import COpenSSL

/// A connection's TLS over a wire: what a server with many connections calls.
extension TLSEngine {
    /// How far a connection has come.
    package enum Progress: Sendable {
        /// It goes on.
        case open
        /// The peer has said farewell.
        case ended
        /// There is no way on.
        case failed(TLSError)
    }

    /// Takes bytes that came from the peer, the handshake's first: how many plain bytes were put into `buffer`, which must have
    /// room for all of them and for a record more. What is to be sent stands on the wire.
    package func receive(
        _ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) -> (count: Int, progress: Progress) {
        guard let wire else { return (0, .failed(.protocolFailure("no wire"))) }
        return unsafe wire.withInput(bytes) {
            if !isEstablished {
                switch handshake() {
                case .done: break
                case .wantsInput: return (0, .open)
                case .ended: return (0, .ended)
                case .failed(let error): return (0, .failed(error))
                }
            }
            return unsafe readAll(into: buffer)
        }
    }

    /// Whether the handshake is over.
    package var isEstablished: Bool { unsafe SSL_is_init_finished(ssl) == 1 }

    /// Reads plain bytes until OpenSSL has no more.
    private func readAll(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, progress: Progress) {
        green_tls_clear_errors()
        var count = 0
        while count < buffer.count {
            // SAFETY: the rest of the buffer, which is not empty.
            let got = unsafe SSL_read(ssl, buffer.baseAddress! + count, Int32(clamping: buffer.count - count))
            guard got > 0 else {
                switch unsafe SSL_get_error(ssl, got) {
                case SSL_ERROR_WANT_READ: return (count, .open)
                case SSL_ERROR_ZERO_RETURN: return (count, .ended)
                default: return (count, .failed(failure()))
                }
            }
            count += Int(got)
        }
        return (count, .failed(.protocolFailure("more came than there was room for")))
    }

    /// Puts plain bytes onto the wire, all of them; false, and with nothing on the wire, where that cannot be done.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
        green_tls_clear_errors()
        var done = 0
        while done < bytes.count {
            // SAFETY: the rest of the bytes, which is not empty.
            let sent = unsafe SSL_write(ssl, bytes.baseAddress! + done, Int32(min(bytes.count - done, Self.chunk)))
            guard sent > 0 else {
                _ = failure()
                wire?.discardOutput()
                return false
            }
            done += Int(sent)
        }
        return true
    }

    /// Puts the farewell onto the wire.
    package func sayFarewell() {
        wire?.begin()
        if isEstablished { shutdown() }
    }

    /// Whether both chose this protocol (ALPN).
    package func chose(_ name: StaticString) -> Bool {
        var found: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &found, &length)
        guard let found = unsafe found, Int(length) == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { unsafe $0.elementsEqual(UnsafeBufferPointer(start: found, count: Int(length))) }
    }

    /// Has it work by calls over buffers of its own from now on, as `TLSSocket` does. Nothing may be left on the wire.
    func leaveWire() throws(TLSError) {
        let (into, out) = unsafe (BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        guard let input = unsafe into, let output = unsafe out else {
            unsafe BIO_free(into)
            unsafe BIO_free(out)
            throw .configuration("TLS", reason: ErrorQueue.drain())
        }
        unsafe green_tls_empty_means_later(input)
        unsafe SSL_set_bio(ssl, input, output)
        unsafe use(input: input, output: output)
    }
}
