internal import COpenSSL

/// The memory that OpenSSL reads from and writes to for all connections of a thread, between two waits: none has buffers of its
/// own for what is on its way. What a call leaves in the output is to be taken away before another connection's turn.
@safe package final class TLSWire {
    // SAFETY: allocated by `init`, used by one thread, and freed when neither this object nor a connection is left.
    let state: UnsafeMutablePointer<green_tls_wire>

    /// Room for what one turn writes: the largest plaintext with its records' heads, and a handshake's certificates.
    private static let outputCapacity = 256 << 10

    /// How a BIO over a wire works; made once.
    // SAFETY: set once, and OpenSSL only reads what it points to.
    nonisolated(unsafe) static let method: OpaquePointer? = unsafe green_tls_make_wire_method()

    /// A wire with nothing on it.
    package init() {
        unsafe state = .allocate(capacity: 1)
        let output = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.outputCapacity)
        unsafe state.initialize(
            to: green_tls_wire(
                input: nil, input_count: 0, output: output, output_count: 0, output_capacity: Self.outputCapacity))
    }

    deinit {
        unsafe state.pointee.output.deallocate()
        unsafe state.deallocate()
    }

    /// Hands what is to be sent to `body`, and lets go of it whatever becomes of that: the next connection begins with nothing on
    /// the wire.
    package func takeOutput<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { discardOutput() }
        return try unsafe body(UnsafeRawBufferPointer(start: state.pointee.output, count: state.pointee.output_count))
    }

    /// A turn begins, with nothing on the wire.
    func begin() {
        assert(outputCount == 0, "what one connection is to be sent is on the wire in another one's turn")
        discardOutput()
    }

    /// Lets go of what was to be sent.
    func discardOutput() { unsafe state.pointee.output_count = 0 }

    /// Bytes that are to be sent.
    var outputCount: Int { unsafe state.pointee.output_count }

    /// Lays out bytes that came, for as long as `body` runs. What it leaves of them is lost.
    func withInput<Result>(_ bytes: UnsafeRawBufferPointer, _ body: () -> Result) -> Result {
        begin()
        unsafe state.pointee.input = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe state.pointee.input_count = bytes.count
        defer {
            unsafe state.pointee.input = nil
            unsafe state.pointee.input_count = 0
        }
        return body()
    }
}
