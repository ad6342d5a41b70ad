internal import DNSWire

/// Takes an answer's age off the TTLs of its records.
enum TTLCountdown {
    /// Goes over the records copied to `buffer` from `offset` on. Each TTL becomes what is left of it; one that is smaller
    /// than the age, which only a record outside the rules can have, becomes 0.
    static func apply(_ answer: StoredAnswer, to buffer: inout MutableSpan<UInt8>, at offset: Int) {
        let end = offset + answer.length
        var position = offset
        while position < end {
            position = endOfName(buffer.span, at: position, end: end)
            guard position + 10 <= end else { return }
            let ttl = buffer.span.loadUInt32(at: position + 4)
            buffer.storeUInt32(ttl > answer.ageSeconds ? ttl - answer.ageSeconds : 0, at: position + 4)
            position += 10 + Int(buffer.span.loadUInt16(at: position + 8))
        }
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
