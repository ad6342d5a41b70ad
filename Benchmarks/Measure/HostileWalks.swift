internal import AnswerCache
internal import Belief
internal import DNSWire
internal import NameRules
internal import Resolver

/// What a stranger's bytes make each stage do, once for each kind of bytes that was found to be dear somewhere. Under
/// callgrind the difference of two counts is what a walk takes, which must not grow faster than the bytes.
struct HostileWalks {
    /// Bytes of a stranger's, and the stage that reads them.
    enum Name: String, CaseIterable {
        /// A query of 240 questions; one of 64 KiB over TCP; one with 8 records of many labels.
        case manyQuestions = "many-questions", longQuery = "long-query", deepQuery = "deep-query"
        /// A reply of PTR records with names of one repeated label; the same behind pointers to each other; records whose
        /// owners are all 127 labels deep; 3,000 aliases; 3,000 DNAMEs; answers in letters that were sent.
        case repeatedLabels = "repeated-labels", pointerChains = "pointer-chains", deepOwners = "deep-owners"
        case manyAliases = "many-aliases", manyDNAMEs = "many-dnames", letters
        /// An answer of 64 KiB that is stored, and cut to a datagram for a client.
        case store, write
        /// Values of Redis with the answer of 64 KiB, with names of one repeated label, and with deep owners.
        case redis, redisLabels = "redis-labels", redisOwners = "redis-owners"
        /// Entries of a snapshot with the same, and as many entries as fit.
        case snapshotLabels = "snapshot-labels", snapshotOwners = "snapshot-owners", snapshotChains = "snapshot-chains"
        case snapshotEntries = "snapshot-entries"
        /// What a hostile Redis says: elements, arrays in arrays, arrays that are announced, long lines, values; some
        /// of them in pieces of one byte too.
        case respElements = "resp-elements", respNested = "resp-nested", respAnnounced = "resp-announced"
        case respLines = "resp-lines", respValues = "resp-values"
        case respElementsInBytes = "resp-elements-in-bytes", respLinesInBytes = "resp-lines-in-bytes"
        case respValuesInBytes = "resp-values-in-bytes"
        /// A name of 127 labels, whose domains are all in a policy; what a client of HTTP sends: requests of many small headers
        /// and of long ones, and over HTTP/2 the smallest frames, requests whose headers stand in the table already, and pieces
        /// of one request's.
        case domains, httpFields = "http-fields", httpLines = "http-lines"
        case http2Frames = "http2-frames", http2Requests = "http2-requests", http2Pieces = "http2-pieces"
        /// A hosts file of names; lists whose lines are long, deep or full of what means nothing.
        case hosts, longLine = "long-line", deepLines = "deep-lines", nested
        /// A hosts file's line of many words, an owner of a policy zone with many records, names that are not ASCII, the
        /// shortest lines of each format, records of a policy zone.
        case listWords = "list-words", listOwner = "list-owner", listWide = "list-wide", listShort = "list-short"
        case listRecords = "list-records"
        /// Answers that are judged by rules: aliases, services, addresses, hints, rebinding; names of which lists say much.
        case ruleLinks = "rule-links", ruleDeepLinks = "rule-deep-links", ruleServices = "rule-services"
        case ruleAddresses = "rule-addresses", ruleLongAddresses = "rule-long-addresses", ruleHints = "rule-hints"
        case ruleRebinding = "rule-rebinding", ruleName = "rule-name", ruleWideName = "rule-wide-name"
    }

    /// Prepares a walk, says how many bytes it is about, and takes it so many times, which may be none.
    static func run(_ name: Name, times: Int) throws(CacheError) {
        let (bytes, walk) = try prepared(name)
        print(bytes)
        for _ in 0..<times { walk() }
    }

    private static func prepared(_ name: Name) throws(CacheError) -> (Int, () -> Void) {
        switch name {
        case .manyQuestions: query(header(questions: 240) + repeated([1, 97, 0, 0, 1, 0, 1], 240))
        case .longQuery:
            query(
                header(questions: 1, additionals: 0xFFFF) + [0, 0, 1, 0, 1] + repeated([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0], 5000))
        case .deepQuery:
            query(
                header(questions: 1, additionals: 8) + deepName + [0, 1, 0, 1]
                    + repeated([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0], 8))
        case .repeatedLabels: reply(HostileReplies.repeatedLabels)
        case .pointerChains: reply(HostileReplies.pointerChains)
        case .deepOwners: reply(HostileReplies.deepOwners)
        case .manyAliases: reply(HostileReplies.manyAliases)
        case .manyDNAMEs: reply(HostileReplies.manyDNAMEs)
        case .letters: reply(HostileReplies.letters)
        case .store: try stored()
        case .write: written()
        case .redis: value(HostileReplies.addresses)
        case .redisLabels: value(HostileReplies.repeatedLabels)
        case .redisOwners: value(HostileReplies.deepOwners)
        case .snapshotLabels: try snapshot(HostileStores.snapshot(of: HostileReplies.repeatedLabels))
        case .snapshotOwners: try snapshot(HostileStores.snapshot(of: HostileReplies.deepOwners))
        case .snapshotChains: try snapshot(HostileStores.snapshot(of: HostileReplies.pointerChains))
        case .snapshotEntries: try snapshot(HostileStores.smallEntries)
        case .respElements: resp(HostileServers.manyElements)
        case .respNested: resp(HostileServers.nested)
        case .respAnnounced: resp(HostileServers.announced)
        case .respLines: resp(HostileServers.longLines)
        case .respValues: resp(HostileServers.values)
        case .respElementsInBytes: resp(HostileServers.manyElements, piece: 1)
        case .respLinesInBytes: resp(HostileServers.longLines, piece: 1)
        case .respValuesInBytes: resp(HostileServers.values, piece: 1)
        case .domains: HostileDomains.walk()
        case .httpFields: HostileHTTP.heads(field: "a:\r\n", count: 190)
        case .httpLines: HostileHTTP.heads(field: "a: \(repeatElement("b", count: 15_000).joined())\r\n", count: 1)
        case .http2Frames: HostileHTTP.frames(HostileHTTP.settings, count: 10_000)
        case .http2Requests: HostileHTTP.requests
        case .http2Pieces: HostileHTTP.pieces
        case .hosts: hosts(lines(20_000) { "192.0.2.1 a\($0).b.c.d.e.f.g.h.i.j.k.example\n" })
        case .longLine: list(Array(repeating: UInt8(ascii: "a"), count: 2 << 20))
        case .deepLines: list(lines(4_000) { "\(repeatElement("a.", count: 120).joined())x\($0)\n" })
        case .nested: list(lines(4_000) { "||x\($0).example^$denyallow=\(repeatElement("a.b|", count: 60).joined())c.d\n" })
        case .listWords: list(Array("0.0.0.0\(repeatElement(" a", count: 30_000).joined())\n".utf8), [.hosts])
        case .listOwner:
            list(
                Array("$ORIGIN x.\n\(repeatElement("é", count: 500).joined())".utf8) + lines(4_000) { _ in " CNAME .\n" }, [.rpz])
        case .listWide: list(lines(2_000) { "\(repeatElement("üé\($0).", count: 20).joined())\n" }, [.domains])
        case .listShort: list(lines(20_000) { _ in "a\n" }, ListFormat.allCases)
        case .ruleLinks: HostileRules.judge(.links)
        case .ruleDeepLinks: HostileRules.judge(.deepLinks)
        case .ruleServices: HostileRules.judge(.services)
        case .ruleAddresses: HostileRules.judge(.addresses)
        case .ruleLongAddresses: HostileRules.judge(.longAddresses)
        case .ruleHints: HostileRules.judge(.hints)
        case .ruleRebinding: HostileRules.judge(.rebinding)
        case .ruleName: HostileRules.lookUp(deepName)
        case .ruleWideName: HostileRules.lookUp(repeated([63] + repeated([0xFF], 63), 3) + [61] + repeated([0], 61) + [0])
        case .listRecords: list(lines(10_000) { "x\($0) TXT a b c\n" }, [.rpz])
        }
    }

    private static let deepName = repeated([1, 97], 126) + [0]

    private static func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] { (0..<count).flatMap { _ in bytes } }

    private static func lines(_ count: Int, _ line: (Int) -> String) -> [UInt8] { (0..<count).flatMap { Array(line($0).utf8) } }

    private static func header(questions: Int, additionals: Int = 0) -> [UInt8] {
        [
            0, 1, 1, 0, UInt8(questions >> 8), UInt8(questions & 255), 0, 0, 0, 0, UInt8(additionals >> 8),
            UInt8(additionals & 255),
        ]
    }

    /// Reads a query.
    private static func query(_ bytes: [UInt8]) -> (Int, () -> Void) {
        (
            bytes.count,
            {
                var view = QueryView()
                _ = view.read(bytes.span, seed: 7)
            }
        )
    }

    /// Reads a reply and makes an answer of it, where it is one.
    private static func reply(_ reply: HostileReplies.Reply) -> (Int, () -> Void) {
        (reply.bytes.count, { _ = Belief.read(reply.bytes, to: reply.asked, Belief.Rules(seed: 7)) })
    }

    /// Reads a value of Redis.
    private static func value(_ reply: HostileReplies.Reply) -> (Int, () -> Void) {
        let value = HostileStores.value(of: reply)
        return (value.count, { HostileStores.read(value, to: reply.asked) })
    }

    /// Reads a snapshot.
    private static func snapshot(_ bytes: [UInt8]) throws(CacheError) -> (Int, () -> Void) {
        let cache = try MemoryCache(sizeBytes: 64 << 20, seed: 7)
        return (bytes.count, { HostileStores.load(bytes, into: cache) })
    }

    /// Reads what a Redis says, in pieces as a socket gives them or in smaller ones.
    private static func resp(_ bytes: [UInt8], piece: Int = 16_384) -> (Int, () -> Void) {
        (bytes.count, { HostileServers.read(bytes, piece: piece) })
    }

    /// Keeps a large answer.
    private static func stored() throws(CacheError) -> (Int, () -> Void) {
        let reply = HostileReplies.addresses
        let cache = try MemoryCache(sizeBytes: 64 << 20, seed: 7)
        guard case .answer(let answer) = Belief.read(reply.bytes, to: reply.asked, Belief.Rules(seed: 7)) else {
            Measure.leave("Measure: no answer")
        }
        let name = try? NameView(reply.asked.name.span, at: 0)
        let key = CacheKey(FixedName(name!), reply.asked.type, reply.asked.class, flags: reply.asked.flags, seed: 7)
        return (
            reply.bytes.count,
            {
                cache.store(key, answer, from: Provenance(upstream: 1, transport: .udp), at: BootSeconds(rawValue: 1))
            }
        )
    }

    /// Writes the records of a large message anew, into a datagram as long as it.
    private static func written() -> (Int, () -> Void) {
        let reply = HostileReplies.letters
        return (
            reply.bytes.count,
            {
                var buffer = [UInt8](repeating: 0, count: 65_535)
                var builder = MessageBuilder(buffer.mutableSpan, id: 1, flags: HeaderFlags(), seed: 7)
                guard let question = try? QuestionView(reply.bytes.span, at: 12) else { return }
                try? builder.appendQuestion(question.name, question.type, question.class)
                guard var records = try? MessageView(reply.bytes.span).records() else { return }
                while let record = try? records.next() {
                    if (try? builder.append(record, to: record.section)) == nil { return }
                }
            }
        )
    }

    private static func hosts(_ bytes: [UInt8]) -> (Int, () -> Void) {
        (bytes.count, { _ = HostsTable.load(bytes, seed: 7) })
    }

    /// Reads a list in the formats given, or in the one that its content tells.
    private static func list(_ bytes: [UInt8], _ formats: [ListFormat?] = [nil]) -> (Int, () -> Void) {
        (
            bytes.count * formats.count,
            {
                for format in formats {
                    var list = ListCompiler(format: format, key: RuleKey(seed: 7))
                    list.read(bytes.span)
                    list.end()
                    var table: RuleTable?
                    while table == nil { table = list.step() }
                }
            }
        )
    }
}
