internal import AnswerCache
internal import DNSWire
internal import Green
internal import NameRules
internal import Resolver

/// The walks that matter most, again and again on the thread's own stack: no greenlet switches under the profiler's eyes.
struct Walks {
    /// A walk, or what must be done besides it and is to be taken off.
    enum Name: String, CaseIterable {
        /// Only puts the query into the buffer.
        case fill
        /// Puts the query into the buffer, reads it, looks the answer up, and writes it over the query.
        case hit
        /// Only puts the query into the buffer, when it has an OPT record.
        case fillEDNS = "fill-edns"
        /// The same as `hit` for a query with an OPT record.
        case hitEDNS = "hit-edns"
        /// The same as `hit` and `hit-edns` where lists and groups are in force that let the names pass, but for one of 2,000.
        case ruledHit = "ruled-hit", ruledHitEDNS = "ruled-hit-edns"
        /// Answers a query whose name is denied, without OPT and with it, which is told the rule.
        case blocked, blockedEDNS = "blocked-edns"
        /// Answers a query from the cache whose answer has an alias that is denied to the client's group.
        case cloaked
        /// Puts the query into the buffer and reads it.
        case read
        /// Only names the next reply and makes its key.
        case key
        /// Names the next reply, makes its key, and stores it.
        case store
    }

    /// How many names are asked for in turn: what they take stays in a core's own cache.
    private static let names = 500
    private let cache: MemoryCache
    private let resolver: Resolver
    private let now: BootSeconds
    private let provenance = Provenance(upstream: 1, transport: .udp)

    init() throws(CacheError) {
        cache = try MemoryCache(sizeBytes: 256 << 20, seed: 0x5EED)
        let hub = Hub(loop: LibeventLoop())
        resolver = Resolver(hub: hub, shared: SharedState(cache: cache), policy: Policy())
        now = BootSeconds(rawValue: hub.bootSeconds)
    }

    /// Takes a walk so many times; ends the process where it does not come out as it should.
    func run(_ walk: Name, times: Int) throws {
        switch walk {
        case .fill: ask(times, edns: false) { _, _ in 1 }
        case .fillEDNS: ask(times, edns: true) { _, _ in 1 }
        case .read: ask(times, edns: false, read)
        case .hit: ask(times, edns: false, answer)
        case .hitEDNS: ask(times, edns: true, answer)
        case .ruledHit, .ruledHitEDNS:
            resolver.adopt(try Self.policy(denying: "passes.example"))
            ask(times, edns: walk == .ruledHitEDNS, answer)
        case .blocked, .blockedEDNS:
            resolver.adopt(try Self.policy(denying: "example.com"))
            ask(times, edns: walk == .blockedEDNS, answer)
        case .cloaked:
            resolver.adopt(try Self.policy(denying: "net.example"))
            ask(times, edns: false, alias: "t.net.example", answer)
        case .key: store(times) { _, _ in true }
        case .store: store(times, keep)
        }
    }

    /// Asks for each name in turn. What is known came five seconds ago, so that TTLs have to be counted down.
    @inline(__always)
    private func ask(
        _ times: Int, edns: Bool, alias: String? = nil, _ body: (Int, inout MutableSpan<UInt8>) -> Int
    ) {
        let exchanges = (0..<Self.names).map { Exchange("www\($0).example.com", .a, edns: edns) }
        for exchange in exchanges {
            let before = BootSeconds(rawValue: now.rawValue &- 5)
            let reply = alias.map { exchange.reply(behind: $0) } ?? exchange.reply
            _ = cache.keep(exchange.key(in: cache), reply: reply, from: provenance, at: before)
        }
        let queries = exchanges.map(\.query)
        var buffer = [UInt8](repeating: 0, count: 1232)
        var span = buffer.mutableSpan
        var next = 0
        for _ in 0..<times {
            let query = queries[next]
            for index in query.indices { span[index] = query[index] }
            guard body(query.count, &span) > 0 else { Measure.leave("Measure: a query that got no answer") }
            next += 1
            if next == Self.names { next = 0 }
        }
    }

    /// Five lists of 20,000 names each, the first with another name as well, and three groups for which they hold.
    private static func policy(denying name: String) throws -> Policy {
        let tables = (0..<5).map { list in
            var compiler = ListCompiler(format: .adblock, key: RuleKey(seed: 7))
            if list == 0 { compiler.read(Array("||\(name)^\n".utf8).span) }
            for number in 0..<20_000 { compiler.read(Array("||a\(number).l\(list).example^\n".utf8).span) }
            compiler.end()
            return compiler.finish()
        }
        var builder = try RuleSetBuilder(tables, number: 1)
        var content = RuleBook.Content()
        content.listNames = ["one", "two", "three", "four", "five"]
        content.lists = builder.finish()
        var groups = ["default", "kids", "guests"].map { NameRules.Group(name: $0) }
        groups[1].prefixes = [NameRules.AddressPrefix(NameRules.IPAddress(ipv4: 0xC000_0200), length: 120)]
        groups[2].prefixes = [NameRules.AddressPrefix(NameRules.IPAddress(ipv4: 0xC633_6400), length: 120)]
        for index in groups.indices { groups[index].blocks = 0b11111 }
        content.groups = try GroupTable(groups)
        content.active = content.groups.active(at: 0, zones: content.lists.policyZones) { _ in 0 }
        var policy = Policy()
        policy.rules = RuleBook(content, mark: 1, hits: ListHits())
        return policy
    }

    /// Reads a query: its question's length.
    private func read(_ length: Int, _ buffer: inout MutableSpan<UInt8>) -> Int {
        var query = QueryView()
        return query.read(buffer.span.extracting(first: length), seed: cache.seed) == .query ? query.questionLength : 0
    }

    /// Answers a query as the daemon's UDP server has it done: the answer's length.
    private func answer(_ length: Int, _ buffer: inout MutableSpan<UInt8>) -> Int {
        var query = QueryView()
        guard case .answered(let count) = resolver.begin(&query, length: length, in: &buffer, from: 0) else {
            return 0
        }
        return count
    }

    /// Goes through replies to ever new names.
    @inline(__always)
    private func store(_ times: Int, _ body: (CacheKey, Exchange) -> Bool) {
        var exchange = Exchange("n0000000.example.com", .a)
        for number in 0..<times {
            exchange.renumber(number)
            guard body(exchange.key(in: cache), exchange) else { Measure.leave("Measure: a reply that was not kept") }
        }
    }

    /// Keeps a reply; whether that was done.
    private func keep(_ key: CacheKey, _ exchange: Exchange) -> Bool {
        cache.keep(key, reply: exchange.reply, from: provenance, at: now)
    }
}
