internal import Belief
internal import DNSWire
internal import NameRules
internal import Resolver

/// What rules make of a stranger's answers and names, with lists that have something to say of all of it.
enum HostileRules {
    /// What is judged.
    enum Subject {
        /// 3,000 aliases; aliases that all lead to one name of 127 labels by a pointer; services whose hosts have as many.
        case links, deepLinks, services
        /// As many addresses as a message holds: of IPv4, of IPv6, and as hints of a service.
        case addresses, longAddresses, hints
        /// A private address behind a name of 127 labels.
        case rebinding
    }

    /// Lists and groups for which nothing is as short as it could be: rules about names at each depth, some of them with
    /// actions of their own, and prefixes of each length.
    static let book = makeBook()

    private static func makeBook() -> RuleBook {
        var zone = "$ORIGIN rpz.\n@ SOA a. b. 1 2 3 4 5\n"
        for length in 1...32 { zone += "\(length).0.0.0.\(length % 2 == 0 ? 240 : 0).rpz-ip CNAME .\n" }
        for length in 33...128 { zone += "\(length).\(String(length, radix: 16)).zz.fd.rpz-ip CNAME rpz-drop.\n" }
        for depth in 1...110 { zone += String(repeating: "a.", count: depth).dropLast() + " TXT x\(depth)\n" }
        var names = ""
        for depth in 1...120 { names += "||\(String(repeating: "a.", count: depth).dropLast())^$denyallow=b.example\n" }
        names += "||n7^\n@@||n9^\n"
        var content = RuleBook.Content()
        let tables = [(zone, ListFormat.rpz), (names, .adblock), ("a\n*.a.a.a\n", .domains)].map { text, format in
            var compiler = ListCompiler(format: format, key: RuleKey(seed: 7))
            compiler.read(Array(text.utf8).span)
            compiler.end()
            return compiler.finish()
        }
        content.listNames = ["zone", "names", "plain"]
        guard var builder = try? RuleSetBuilder(tables, number: 1) else { Measure.leave("Measure: no rules") }
        content.lists = builder.finish()
        let groups = (0..<64).map { number in
            var group = Group(name: "g\(number)")
            group.prefixes = [AddressPrefix(IPAddress(ipv4: UInt32(number)), length: 128)]
            group.blocks = UInt64(1 << (number % 3))
            return group
        }
        guard let table = try? GroupTable(groups) else { Measure.leave("Measure: no groups") }
        content.groups = table
        content.active = table.active(at: 0) { _ in 0 }
        content.refusesPrivate = true
        content.privateExceptions = [[7] + Array("example".utf8) + [0]]
        return RuleBook(content, mark: 1, hits: ListHits())
    }

    /// Judges an answer.
    static func judge(_ subject: Subject) -> (Int, () -> Void) {
        let reply = reply(subject)
        let book = book
        let count = Int(reply.bytes[6]) << 8 + Int(reply.bytes[7])
        return (
            reply.bytes.count,
            {
                _ = AnswerVerdict(
                    book, reply.asked.name.span, isUnlisted: false, mayBePrivate: false, reply.bytes.span,
                    at: reply.asked.recordsStart, count: count)
            }
        )
    }

    /// Says what the rules do with questions about a name, one for each group.
    static func lookUp(_ name: [UInt8]) -> (Int, () -> Void) {
        let book = book
        return (
            name.count * 64,
            {
                for group in 0..<64 { _ = book.ruling(name.span, .a, group: group, explains: true) }
            }
        )
    }

    private static let deep: [UInt8] = [[UInt8]](repeating: [1, 97], count: 126).flatMap { $0 } + [0]

    private static func reply(_ subject: Subject) -> HostileReplies.Reply {
        switch subject {
        case .links: return HostileReplies.manyAliases
        case .addresses: return HostileReplies.addresses
        case .longAddresses:
            var reply = HostileReplies.Reply("www.example", .aaaa)
            while reply.add([0xC0, 12], .aaaa, [0xFD] + [UInt8](repeating: reply.bytes[7], count: 15)) {}
            return reply
        case .deepLinks:
            var reply = HostileReplies.Reply("www.example", .a)
            _ = reply.add([0xC0, 12], .cname, deep)
            let place = UInt8(truncatingIfNeeded: reply.bytes.count - deep.count)
            for _ in 0..<40 { _ = reply.add([0xC0, 12], .cname, [0xC0, place]) }
            return reply
        case .services:
            var reply = HostileReplies.Reply("www.example", .https)
            while reply.add([0xC0, 12], .https, [0, 1] + deep) {}
            return reply
        case .hints:
            var reply = HostileReplies.Reply("www.example", .https)
            let hints = (0..<16_000).flatMap { number in
                [10, UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number), 1] as [UInt8]
            }
            _ = reply.add([0xC0, 12], .https, [0, 1, 0, 0, 4, UInt8(hints.count >> 8), UInt8(hints.count & 255)] + hints)
            return reply
        case .rebinding:
            var reply = HostileReplies.Reply(String(repeating: "b.", count: 120), .a)
            _ = reply.add([0xC0, 12], .a, [10, 0, 0, 1])
            return reply
        }
    }
}
