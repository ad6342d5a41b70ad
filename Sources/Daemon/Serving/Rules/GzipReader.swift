internal import CZlib

/// Unpacks gzip (RFC 1952) piece by piece: one member or several, each checked by its CRC and length.
@safe final class GzipReader {
    /// It is not gzip, or broken, or cut off.
    struct Broken: Error {}

    // SAFETY: zlib keeps the stream's address, so that it stands in memory of its own from `init` to `deinit`; it is used by the
    // reader's owner alone, and its pointers into buffers are set anew for each call.
    private let stream: UnsafeMutablePointer<z_stream>
    private let packed: [UInt8]
    private var position = 0
    private var isAtEnd = false

    /// So much is unpacked at once.
    static let pieceSize = 65_536

    /// Unpacks some bytes.
    init(_ packed: [UInt8]) throws(Broken) {
        self.packed = packed
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and gzip alone.
        guard unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw Broken()
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Whether bytes begin as gzip does.
    static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

    /// The next piece; nil after the last.
    func next() throws(Broken) -> [UInt8]? {
        guard !isAtEnd else { return nil }
        var piece = [UInt8](repeating: 0, count: Self.pieceSize)
        var filled = 0
        while filled < piece.count, !isAtEnd {
            let (read, written, status) = step(&piece, from: filled)
            position += read
            filled += written
            switch status {
            case Z_STREAM_END:
                // Another member may follow; what is no member is padding.
                if position < packed.count, packed[position] == 0x1F {
                    guard unsafe inflateReset(stream) == Z_OK else { throw Broken() }
                } else {
                    isAtEnd = true
                }
            case Z_OK where read > 0 || written > 0: break
            default: throw Broken()
            }
        }
        return Array(piece[..<filled])
    }

    /// Unpacks as much as there is room for from an offset on: how much was read and written.
    private func step(_ piece: inout [UInt8], from offset: Int) -> (read: Int, written: Int, status: Int32) {
        // SAFETY: both buffers outlive the call, and zlib is told how long they are.
        unsafe packed.withUnsafeBufferPointer { source in
            unsafe piece.withUnsafeMutableBufferPointer { target in
                let available = min(source.count - position, 1 << 20)
                unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(
                    mutating: source.baseAddress.map { unsafe $0 + position })
                unsafe stream.pointee.avail_in = UInt32(available)
                unsafe stream.pointee.next_out = unsafe target.baseAddress.map { unsafe $0 + offset }
                unsafe stream.pointee.avail_out = UInt32(target.count - offset)
                let status = unsafe inflate(stream, Z_NO_FLUSH)
                let read = unsafe available - Int(stream.pointee.avail_in)
                let written = unsafe target.count - offset - Int(stream.pointee.avail_out)
                return (read, written, status)
            }
        }
    }
}
