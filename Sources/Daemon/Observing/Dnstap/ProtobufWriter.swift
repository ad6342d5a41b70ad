/// Writes fields of protocol buffers (protobuf.dev, "Encoding").
struct ProtobufWriter {
    /// What has been written.
    private(set) var bytes: [UInt8] = []

    /// A whole number.
    mutating func number(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    /// A whole number of four bytes.
    mutating func fixed(_ field: UInt64, _ value: UInt32) {
        varint(field << 3 | 5)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// Bytes, a text, or a message of its own.
    mutating func data(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
