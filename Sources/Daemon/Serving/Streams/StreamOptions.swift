internal import DNSWire

/// What is added to the OPT record of an answer, for who asked for it: padding and times of connections over streams, cookies
/// wherever they come.
enum StreamOptions {
    /// Encrypted answers are padded to a multiple of so many bytes (RFC 8467 4.1).
    static let block = 468
    /// For how long a client may keep its connection, in tenths of a second (RFC 7828 3.2).
    private static let keepalive = UInt16(StreamConnection.idleLimit / 100_000_000)

    /// Adds what a query's OPT record asks for to an answer of `count` bytes, whose last record is OPT where it has one: how long
    /// the answer is then.
    @inline(__always)
    static func add(
        to buffer: inout MutableSpan<UInt8>, _ length: Int, for edns: EDNSSummary?, isEncrypted: Bool, keepsAlive: Bool = true,
        cookie: AnswerCookie
    ) -> Int {
        var count = length
        if edns?.hasCookie == true { count = add(cookie, to: &buffer, count) }
        guard let edns, edns.hasPadding && isEncrypted || edns.hasKeepalive && keepsAlive else { return count }
        return add(
            to: &buffer, count, pads: edns.hasPadding && isEncrypted, keepsAlive: edns.hasKeepalive && keepsAlive)
    }

    /// Adds a cookie to an answer of `count` bytes, where one is to be given: how long it is then.
    @inline(never)
    static func add(_ cookie: AnswerCookie, to buffer: inout MutableSpan<UInt8>, _ count: Int) -> Int {
        let end = count + AnswerCookie.length
        guard cookie.isGiven, end <= buffer.count, let opt = lastOPT(buffer.span.extracting(first: count)) else { return count }
        cookie.write(to: &buffer, at: count)
        buffer.storeUInt16(UInt16(truncatingIfNeeded: end - opt - 11), at: opt + 9)
        return end
    }

    @inline(never)
    private static func add(to buffer: inout MutableSpan<UInt8>, _ count: Int, pads: Bool, keepsAlive: Bool) -> Int {
        guard let opt = lastOPT(buffer.span.extracting(first: count)) else { return count }
        var end = count
        if keepsAlive, end + 6 <= buffer.count {
            buffer.storeUInt16(EDNSOptionCode.tcpKeepalive.rawValue, at: end)
            buffer.storeUInt16(2, at: end + 2)
            buffer.storeUInt16(keepalive, at: end + 4)
            end += 6
        }
        if pads, end + 4 <= buffer.count {
            let wanted = (end + 4 + block - 1) / block * block
            let length = min(wanted, buffer.count) - end - 4
            buffer.storeUInt16(EDNSOptionCode.padding.rawValue, at: end)
            buffer.storeUInt16(UInt16(truncatingIfNeeded: length), at: end + 2)
            for index in end + 4..<end + 4 + length { buffer[index] = 0 }
            end += 4 + length
        }
        buffer.storeUInt16(UInt16(truncatingIfNeeded: end - opt - 11), at: opt + 9)
        return end
    }

    /// Where the OPT record at a message's end begins; nil where there is none.
    private static func lastOPT(_ message: Span<UInt8>) -> Int? {
        // Without options, which is most often so.
        let start = message.count - 11
        if start >= MessageView.headerLength, isOPT(message, at: start), message.loadUInt16(at: start + 9) == 0 { return start }
        do throws(WireError) {
            var records = try MessageView(message).records()
            var found: Int?
            while let record = try records.next() { found = record.type == .opt ? record.offset : nil }
            guard let found, isOPT(message, at: found) else { return nil }
            return found + 11 + Int(message.loadUInt16(at: found + 9)) == message.count ? found : nil
        } catch {
            return nil
        }
    }

    /// Whether an OPT record of the root stands there.
    private static func isOPT(_ message: Span<UInt8>, at offset: Int) -> Bool {
        offset + 11 <= message.count && message[offset] == 0 && message.loadUInt16(at: offset + 1) == RecordType.opt.rawValue
    }
}
