internal import GreenRedis

extension RedisLookup {
    /// When the answer that was found came, and when its time is over: milliseconds since 1970. To be asked for only when
    /// `RedisCache.finish` has given it.
    package var times: (storedAt: Int64, expiresAt: Int64)? {
        guard case .success(.bytes(let value)) = outcome, value.count >= 20 else { return nil }
        return (Self.number(value.span.extracting(4..<12)), Self.number(value.span.extracting(12..<20)))
    }

    private static func number(_ bytes: Span<UInt8>) -> Int64 {
        var number: Int64 = 0
        for index in bytes.indices { number = number << 8 | Int64(bytes[index]) }
        return number
    }
}
