internal import CHiredis

/// Takes a server's bytes apart into replies: hiredis does it, after `ReplyGuard` has looked at them.
@safe final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private var watch: ReplyGuard

    init(_ limits: ReplyLimits) {
        guard let reader = unsafe redisReaderCreate() else { preconditionFailure("GreenRedis: no memory") }
        unsafe self.reader = reader
        watch = ReplyGuard(limits)
    }

    deinit {
        unsafe redisReaderFree(reader)
    }

    /// Takes in bytes that came.
    func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
        try unsafe watch.check(Span(_unsafeElements: bytes.assumingMemoryBound(to: UInt8.self)))
        guard unsafe redisReaderFeed(reader, bytes.baseAddress, bytes.count) == REDIS_OK else { throw failure() }
    }

    /// The next whole reply; nil when more bytes are needed.
    func next() throws(RedisError) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &raw) == REDIS_OK else { throw failure() }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Self.convert(raw.assumingMemoryBound(to: redisReply.self))
    }

    /// As many levels deep as the guard lets arrays be.
    private static func convert(_ reply: UnsafePointer<redisReply>) -> RedisReply {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: return .bytes(unsafe bytes(reply))
        case REDIS_REPLY_STATUS: return .status(String(decoding: unsafe bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: unsafe bytes(reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: return .integer(unsafe reply.pointee.integer)
        case REDIS_REPLY_ARRAY:
            let count = unsafe reply.pointee.elements
            return .array((0..<count).map { unsafe convert(reply.pointee.element[$0]!) })
        default: return .null
        }
    }

    private static func bytes(_ reply: UnsafePointer<redisReply>) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len))
    }

    private func failure() -> RedisError {
        let reason = unsafe withUnsafeBytes(of: reader.pointee.errstr) { text in
            unsafe String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        }
        return .protocolViolation(reason)
    }
}
