internal import AnswerCache
internal import DNSWire
internal import Green
internal import Upstream

/// Answers that were waited for.
extension Resolver {
    /// What writing an answer came to.
    package enum Written: Hashable, Sendable {
        /// The answer stands in the buffer and is this long.
        case answered(Int)
        /// The answer is longer than the buffer; with one of this many bytes it can be written.
        case needs(Int)
    }

    /// Writes the answer to a query that waited. `limit` is the longest answer the client takes: what does not fit is
    /// left out, whole RRsets at a time, and TC set. Waits for nothing.
    package func write(
        _ pending: PendingQuery, _ resolution: Resolution, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written {
        switch resolution.content {
        case .cached:
            return writeCached(pending, into: &buffer, limit: limit)
                ?? write(pending, .failed(.evicted), into: &buffer, limit: limit)
        case .failed(let failure):
            return .answered(AnswerWriter(pending).write(Reply(failure), into: &buffer))
        case .landed(let flight):
            if let written = writeCached(pending, into: &buffer, limit: limit) { return written }
            switch flight.result {
            case .success(let reply): return write(pending, reply, into: &buffer, limit: limit)
            case .failure(let reason): return .answered(AnswerWriter(pending).write(Reply(.noAnswer(reason)), into: &buffer))
            case nil: return .answered(AnswerWriter(pending).write(Reply(.noAnswer(.timedOut)), into: &buffer))
            }
        }
    }

    /// The longest answer over UDP that the client may get.
    package static func datagramLimit(_ pending: PendingQuery) -> Int { datagramLimit(pending.edns) }

    /// Writes what the cache has: nil when that is nothing.
    func writeCached(
        _ pending: PendingQuery, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written? {
        let writer = AnswerWriter(pending)
        let now = BootSeconds(rawValue: hub.bootSeconds)
        let end = writer.writeQuestion(into: &buffer)
        switch cache.answer(pending.key, at: now, into: &buffer, at: end) {
        case .miss:
            return nil
        case .tooLarge(let byteCount):
            return .needs(end + byteCount + 512)
        case .hit(let stored):
            let reply = Reply(stored, to: pending.flags, pending.edns)
            let length = end + stored.length
            if let count = reply.finish(&buffer, flags: pending.flags, edns: pending.edns, end: length, limit: limit) {
                return .answered(count)
            }
            // Too long for the client: written anew, whole RRsets only.
            var plain = reply
            plain.extendedError = nil
            _ = plain.finish(&buffer, flags: pending.flags, edns: nil, end: length, limit: buffer.count)
            let whole = [UInt8](copying: buffer.span.extracting(first: length))
            return .answered(writer.copy(whole.span, reply, into: &buffer, limit: limit))
        }
    }

    private func write(
        _ pending: PendingQuery, _ reply: UpstreamReply, into buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Written {
        let needed = min(reply.bytes.count + 512, limit)
        guard buffer.count >= needed else { return .needs(needed) }
        let bytes = reply.bytes(withQuestionOf: pending.key)
        guard let message = try? MessageView(bytes.span) else {
            return .answered(AnswerWriter(pending).write(Reply(.servFail, .invalidData), into: &buffer))
        }
        var head = Reply(message.flags.responseCode)
        let wantsAD = pending.flags.authenticData || pending.edns?.dnssecOK == true
        head.authenticData = message.flags.authenticData && wantsAD
        if let summary = try? ReplyHead(bytes.span) {
            head.responseCode = summary.responseCode
            head.extendedError = summary.extendedError
        }
        return .answered(AnswerWriter(pending).copy(bytes.span, head, into: &buffer, limit: limit))
    }
}

/// The whole rcode and the extended error of an upstream's reply.
struct ReplyHead {
    private(set) var responseCode: ResponseCode
    private(set) var extendedError: ExtendedErrorCode?

    init(_ bytes: Span<UInt8>) throws(WireError) {
        let message = try MessageView(bytes)
        responseCode = message.flags.responseCode
        var records = try message.records()
        while let record = try records.next() {
            guard record.type == .opt else { continue }
            let opt = try EDNSSummary(record)
            responseCode = ResponseCode(low: responseCode, extendedHigh: opt.extendedHigh)
            extendedError = opt.extendedError(in: bytes)
        }
    }
}

extension UpstreamReply {
    /// The message with the question in lower case, so that the letters that went upstream reach nobody.
    func bytes(withQuestionOf key: CacheKey) -> [UInt8] {
        var lowered = bytes
        let name = key.name.span
        for index in name.indices where 12 + index < lowered.count { lowered[12 + index] = name[index] }
        return lowered
    }
}
