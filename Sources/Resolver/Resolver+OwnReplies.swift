internal import AnswerCache
internal import DNSWire
internal import Green
package import Observation

/// What is answered without the cache: errors, refusals, the hosts file, and questions about the server itself.
extension Resolver {
    /// Answers with nothing but a header, the question and OPT. Such an answer always fits.
    func answer(_ reply: Reply, _ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step {
        MessagePatch.setQuestionCount(query.hasQuestion ? 1 : 0, in: &buffer)
        let end = MessageView.headerLength + query.questionLength
        let count = reply.finish(&buffer, flags: query.flags, edns: query.edns, end: end, limit: buffer.count)
        if reply.isRefusal { MessagePatch.setFlags(reply.flags(ofRefusalFor: query.flags), in: &buffer) }
        return .answered(count ?? end)
    }

    /// Refuses the query of `length` bytes at the front of `buffer`, whatever it asks; `outcome` is what
    /// limits make of that, where they have a say.
    package func refuse(
        length: Int, in buffer: inout MutableSpan<UInt8>, from client: TappedClient, _ refusal: Refusal = .prohibited,
        _ outcome: AnswerOutcome? = nil
    ) -> Step {
        if QueryTap.hasMessages(tap.word) { tellQuery(buffer.span.extracting(first: length), from: client) }
        var query = QueryView()
        let step: Step
        switch query.read(buffer.span.extracting(first: length), seed: cache.seed) {
        case .drop: step = .drop
        case .refuse(let code): step = answer(Reply(refusing: code), query, &buffer)
        case .query, .cookieOnly: step = answer(refusal.reply, query, &buffer)
        }
        answeredBy = .error
        return noted(step, buffer.span, client, outcome)
    }

    /// The answer to what a primary says of its zone; nil where nobody wants to hear it.
    @inline(never)
    func notified(_ length: Int, _ buffer: inout MutableSpan<UInt8>, from client: UInt128) -> Step? {
        guard let handler = policy.notified, client != Self.nobody else { return nil }
        let message = [UInt8](copying: buffer.span.extracting(first: length))
        let reply = handler.answer(message, client, hub.loop.wallTime() / 1_000_000_000)
        guard reply.count >= MessageView.headerLength, reply.count <= buffer.count else { return .drop }
        buffer.copy(reply.span, to: 0)
        return .answered(reply.count)
    }

    /// The answer to a question that neither cache nor upstream is asked; nil where they are.
    @inline(__always)
    func ownReply(_ query: inout QueryView, _ buffer: inout MutableSpan<UInt8>, limit: inout Int) -> Step? {
        if query.class == .internet, !query.type.isMeta {
            guard unsafe hosts != nil else { return nil }
            return hostsReply(query, &buffer, limit: limit)
        }
        if query.class == .internet, query.type == .any { return anyReply(query, &buffer, limit: &limit) }
        return specialReply(query, &buffer)
    }

    /// What the hosts file says to ANY. A datagram takes one RRset of what is known (RFC 8482 4.1), which is written off the path
    /// of a hit: nothing that the cache has fits there.
    @inline(never)
    private func anyReply(_ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>, limit: inout Int) -> Step? {
        if unsafe hosts != nil, let reply = hostsReply(query, &buffer, limit: limit) { return reply }
        if limit <= Self.mostInDatagram { limit = 0 }
        return nil
    }

    private func specialReply(_ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step {
        if query.class == .chaos, let text = chaosText(query) {
            guard query.type == .txt || query.type == .any else { return answer(Reply(.noError), query, &buffer) }
            return answer(text: text, query, &buffer)
        }
        if query.class != .internet {
            return answer(Reply(.refused, .notSupported, "only class IN is answered"), query, &buffer)
        }
        return answer(Reply(.refused, .notSupported, "no such transfers or queries here"), query, &buffer)
    }

    private func hostsReply(
        _ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>, limit: Int
    ) -> Step? {
        guard let hosts = unsafe hosts else { return nil }
        switch hosts.find(query.nameBytes, type: query.type) {
        case .unknown:
            return nil
        case .noData:
            noteLocal("the hosts file, which has the name with other types")
            return answer(Reply(.noError), query, &buffer)
        case .records(let range):
            noteLocal("the hosts file")
            let start = MessageView.headerLength + query.questionLength
            let room = limit - (query.edns.map { Reply(.noError).opt(for: $0).length } ?? 0)
            let (reply, end) = Self.append(hosts, range, to: &buffer, at: start, limit: room)
            let count = reply.finish(&buffer, flags: query.flags, edns: query.edns, end: end, limit: buffer.count)
            return count.map(Step.answered)
        }
    }

    /// Appends records of the hosts file, RRset by RRset: what the answer's head says of them, and where they end. The
    /// first set that does not fit whole is left out, and so are the others behind it.
    private static func append(
        _ hosts: HostsTable, _ range: Range<Int>, to buffer: inout MutableSpan<UInt8>, at start: Int, limit: Int
    ) -> (Reply, end: Int) {
        let isOneSet = limit <= mostInDatagram
        var reply = Reply(.noError)
        var end = start
        var set = (type: RecordType(rawValue: 0), start: start, count: UInt16(0))
        for number in range {
            let record = LocalRecord(type: hosts.type(of: number), ttl: HostsTable.ttlSeconds)
            if isOneSet, reply.counts.0 > 0, record.type != set.type { break }
            if record.type != set.type { set = (record.type, end, reply.counts.0) }
            guard let next = record.append(hosts.rdata(of: number), to: &buffer, at: end, limit: limit) else {
                reply.counts.0 = set.count
                reply.isTruncated = true
                return (reply, set.start)
            }
            end = next
            reply.counts.0 += 1
        }
        return (reply, end)
    }

    /// The names under which clients ask what this is, and which one, in wire form.
    private static let versionNames = [wire("version", "bind"), wire("version", "server")]
    private static let identityNames = [wire("id", "server"), wire("hostname", "bind")]

    private static func wire(_ labels: String...) -> [UInt8] {
        labels.flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }

    /// What the server says of itself (RFC 4892), where the operator allows it.
    private func chaosText(_ query: borrowing QueryView) -> String? {
        if Self.isOne(of: Self.versionNames, query) { return policy.version }
        if Self.isOne(of: Self.identityNames, query) { return policy.identity }
        return nil
    }

    /// Whether some names have the one asked for among them.
    private static func isOne(of names: [[UInt8]], _ query: borrowing QueryView) -> Bool {
        let asked = query.nameBytes
        for name in names where asked.hasSameBytes(as: name.span) { return true }
        return false
    }

    private func answer(text: String, _ query: borrowing QueryView, _ buffer: inout MutableSpan<UInt8>) -> Step {
        let bytes = [UInt8](text.utf8.prefix(255))
        let record = LocalRecord(type: .txt, class: .chaos, ttl: 0)
        let start = MessageView.headerLength + query.questionLength
        let rdata = [UInt8(bytes.count)] + bytes
        guard let end = record.append(rdata.span, to: &buffer, at: start, limit: 512 - 11) else { return .drop }
        var reply = Reply(.noError)
        reply.counts.0 = 1
        let count = reply.finish(&buffer, flags: query.flags, edns: query.edns, end: end, limit: buffer.count)
        return count.map(Step.answered) ?? .drop
    }
}

extension Reply {
    /// The reply to a query that cannot be served, and why.
    init(refusing code: ResponseCode) {
        switch code {
        case .formErr: self.init(code, .other, "malformed query")
        case .notImp: self.init(code, .notSupported, "only QUERY is answered")
        case .badVers: self.init(code, .notSupported, "only EDNS version 0")
        default: self.init(code)
        }
    }

    /// The reply to a client that wants no recursion, when the cache has nothing.
    static var withoutRecursion: Reply { Reply(.refused, .notAuthoritative, "not in the cache, and RD is not set") }
}

/// A record of this server's own, owned by the question's name.
struct LocalRecord {
    var type: RecordType
    var `class` = RecordClass.internet
    var ttl: UInt32

    /// What stands behind MNAME in an SOA of our own (RFC 6303 3): RNAME `nobody.invalid.`, then serial, refresh, retry, expire
    /// and minimum.
    static func soaRest(minimum: UInt32) -> [UInt8] {
        let name = [6] + Array("nobody".utf8) + [7] + Array("invalid".utf8) + [0]
        var bytes = name + [UInt8](repeating: 0, count: 20)
        var span = bytes.mutableSpan
        for (index, number) in [1, 3600, 1200, 604_800, minimum].enumerated() {
            span.storeUInt32(number, at: name.count + 4 * index)
        }
        return bytes
    }

    /// It and its rdata, behind a question.
    func bytes(_ rdata: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 12 + rdata.count)
        var span = bytes.mutableSpan
        _ = append(rdata.span, to: &span, at: 0, limit: span.count)
        return bytes
    }

    /// Writes it with its rdata at `end`: where it ends, nil where it does not fit within `limit`.
    func append(_ rdata: Span<UInt8>, to buffer: inout MutableSpan<UInt8>, at end: Int, limit: Int) -> Int? {
        let next = end + 12 + rdata.count
        guard next <= min(limit, buffer.count) else { return nil }
        buffer.storeUInt16(0xC00C, at: end)
        buffer.storeUInt16(type.rawValue, at: end + 2)
        buffer.storeUInt16(`class`.rawValue, at: end + 4)
        buffer.storeUInt16(UInt16(truncatingIfNeeded: ttl >> 16), at: end + 6)
        buffer.storeUInt16(UInt16(truncatingIfNeeded: ttl), at: end + 8)
        buffer.storeUInt16(UInt16(truncatingIfNeeded: rdata.count), at: end + 10)
        buffer.copy(rdata, to: end + 12)
        return next
    }
}

extension RecordType {
    /// Whether this is no type of data that could be looked up: OPT, transfers, TSIG and their like (RFC 6895 3.1); or ANY.
    var isMeta: Bool { rawValue == 0 || rawValue == 41 || (128...255).contains(rawValue) }
}
