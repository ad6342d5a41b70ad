/// CRC-32C (Castagnoli), as iSCSI and ext4 have it (RFC 3720 B.4): eight bytes at a time.
struct Checksum {
    /// The remainder so far, inverted.
    private var state: UInt32 = 0xFFFF_FFFF

    /// For each byte and each of eight places, what it does to the remainder.
    private static let table: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            table[byte] = value
        }
        for index in 256..<8 * 256 {
            let before = table[index - 256]
            table[index] = before >> 8 ^ table[Int(before & 0xFF)]
        }
        return table
    }()

    /// The checksum of what was added.
    var value: UInt32 { ~state }

    /// Adds bytes.
    mutating func add(_ bytes: Span<UInt8>) {
        let table = Self.table.span
        var crc = state
        var index = 0
        while index + 8 <= bytes.count {
            let word = bytes.extracting(index..<index + 8)
            let low = crc ^ (UInt32(word[0]) | UInt32(word[1]) << 8 | UInt32(word[2]) << 16 | UInt32(word[3]) << 24)
            crc = table[7 * 256 + Int(low & 0xFF)] ^ table[6 * 256 + Int(low >> 8 & 0xFF)]
            crc ^= table[5 * 256 + Int(low >> 16 & 0xFF)] ^ table[4 * 256 + Int(low >> 24)]
            crc ^= table[3 * 256 + Int(word[4])] ^ table[2 * 256 + Int(word[5])]
            crc ^= table[256 + Int(word[6])] ^ table[Int(word[7])]
            index += 8
        }
        while index < bytes.count {
            crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
            index += 1
        }
        state = crc
    }
}
