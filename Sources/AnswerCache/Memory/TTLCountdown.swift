/// Takes an answer's age off the TTLs of its records, or gives them others.
enum TTLCountdown {
    /// Goes over the records copied to `buffer` from `offset` on. Each TTL becomes what is left of it; one that is smaller
    /// than the age, which only a record outside the rules can have, becomes 0.
    static func apply(_ answer: StoredAnswer, to buffer: inout MutableSpan<UInt8>, at offset: Int) {
        let age = answer.ageSeconds
        change(answer, in: &buffer, at: offset) { ttl in ttl > age ? ttl - age : 0 }
    }

    /// Goes over the records copied to `buffer` from `offset` on and gives all of them the same TTL.
    static func set(_ ttl: UInt32, _ answer: StoredAnswer, in buffer: inout MutableSpan<UInt8>, at offset: Int) {
        change(answer, in: &buffer, at: offset) { _ in ttl }
    }

    /// Goes over the records and makes each TTL what `change` makes of it.
    @inline(__always)
    private static func change(
        _ answer: StoredAnswer, in buffer: inout MutableSpan<UInt8>, at offset: Int, _ change: (UInt32) -> UInt32
    ) {
        let end = offset + answer.length
        var position = offset
        while position < end {
            position = endOfName(buffer.span, at: position, end: end)
            guard position + 10 <= end else { return }
            position += 10 + changeTTL(&buffer, at: position, change)
        }
    }

    /// Changes the TTL of the record whose type stands at an offset; returns the length of its rdata.
    @inline(__always)
    private static func changeTTL(
        _ buffer: inout MutableSpan<UInt8>, at offset: Int, _ change: (UInt32) -> UInt32
    ) -> Int {
        // One check of bounds for all of type, class, TTL and length, not one for each byte.
        var fields = buffer._mutatingExtracting(offset..<offset + 10)
        let ttl = change(
            UInt32(fields[4]) << 24 | UInt32(fields[5]) << 16 | UInt32(fields[6]) << 8 | UInt32(fields[7]))
        fields[4] = UInt8(truncatingIfNeeded: ttl >> 24)
        fields[5] = UInt8(truncatingIfNeeded: ttl >> 16)
        fields[6] = UInt8(truncatingIfNeeded: ttl >> 8)
        fields[7] = UInt8(truncatingIfNeeded: ttl)
        return Int(fields[8]) << 8 | Int(fields[9])
    }

    /// Where a name ends that the cache has written itself: at its root label or after its first pointer.
    @inline(__always)
    private static func endOfName(_ bytes: Span<UInt8>, at start: Int, end: Int) -> Int {
        var position = start
        while position < end {
            let length = Int(bytes[position])
            if length >= 0xC0 { return position + 2 }
            position += length + 1
            if length == 0 { return position }
        }
        return end
    }
}
