/// Writes fields of protocol buffers (protobuf.dev, "Encoding").
package struct ProtobufWriter {
    /// What has been written.
    package private(set) var bytes: [UInt8] = []

    /// Nothing written.
    package init() {}

    /// A whole number.
    package mutating func number(_ field: UInt64, _ value: UInt64) {
        varint(field << 3)
        varint(value)
    }

    /// A whole number of four bytes.
    package mutating func fixed(_ field: UInt64, _ value: UInt32) {
        varint(field << 3 | 5)
        for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A whole number of eight bytes.
    package mutating func fixed64(_ field: UInt64, _ value: UInt64) {
        varint(field << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    /// Bytes.
    package mutating func data(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    /// A text, which has to be UTF-8: a `String` always is.
    package mutating func text(_ field: UInt64, _ value: String) { data(field, Array(value.utf8)) }

    /// A message of its own.
    package mutating func message(_ field: UInt64, _ write: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        write(&inner)
        data(field, inner.bytes)
    }

    /// Fields that were written before, as they are.
    package mutating func append(_ fields: [UInt8]) { bytes += fields }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}
