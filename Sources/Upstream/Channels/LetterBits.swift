/// The case of a name's letters as 64 random bits, one for each byte of its wire form, used over and over: where a bit is
/// set, a letter stands in upper case (0x20). Without any bits the name is in lower case.
enum LetterBits {
    /// Eight bytes of a lower-case name, from an offset of the name on that is a multiple of eight, with these letters.
    /// Lengths of labels are under 64 and so no letters.
    @inline(__always)
    static func apply(_ bits: UInt64, to word: UInt64, at offset: Int) -> UInt64 {
        // Bit i of the eight comes to stand in byte i; then any bit of a byte becomes its top bit.
        let eight = (bits &>> UInt64(offset & 63) & 0xFF) &* 0x0101_0101_0101_0101 & 0x8040_2010_0804_0201
        let isChosen = eight &+ 0x7F7F_7F7F_7F7F_7F7F
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of each byte says: not below a, not above z, and plain ASCII.
        let isSmall = (low &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(low &+ 0x0505_0505_0505_0505) & ~word
        return word ^ ((isChosen & isSmall & 0x8080_8080_8080_8080) >> 2)
    }
}
