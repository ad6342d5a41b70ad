// Names by rule: what the operator's lists, groups and own records do to questions and answers.
//
//     begin            an entry that carries the book's mark may be had by every client: one comparison
//     judgeHit         another entry is judged once for all groups (`AnswerVerdict`): it is marked where none of them is denied
//                      it, else what was made of it is remembered beside it
//     judge            whatever is not marked: local data, rewrites, lists, for the client's group
//     resolve          where a name stands for another, the other is looked up (`Redirect`)
//     write            an answer that was waited for: its aliases and addresses are judged as well
//
// A `RuleBook` is immutable and one for all workers; a change is another book with another mark, which changes cached answers
// at once. Its mark is a byte in the cache's entries: whoever makes books takes the marks off before a number comes again.

package import DNSWire
internal import Green
package import NameRules
package import Upstream

/// The rules in force: lists, the groups of clients with the lists that hold for them now, and records of our own.
package final class RuleBook: Sendable {
    /// What it is made of.
    package struct Content: Sendable {
        /// The names of the lists, by their numbers in the rule set.
        package var listNames: [String] = []
        /// The lists.
        package var lists = RuleSet()
        /// The groups of clients.
        package var groups = GroupTable.none
        /// Which lists hold for each group at present.
        package var active: [ActiveLists] = []
        /// The upstreams of groups that have their own, by the groups' numbers.
        package var upstreams: [Int: [UpstreamAddress]] = [:]
        /// Records of our own.
        package var local: NameRules.LocalZone?
        /// Names that stand for others, in wire form and lower case.
        package var rewrites: [[UInt8]: Name] = [:]
        /// Whether answers from outside may have no private addresses.
        package var refusesPrivate = false
        /// Domains, in wire form and lower case, whose answers may have them.
        package var privateExceptions: Set<[UInt8]> = []

        /// Nothing.
        package init() {}

        /// Whether it has any rule.
        package var isEmpty: Bool {
            listNames.isEmpty && local == nil && rewrites.isEmpty && !refusesPrivate && upstreams.isEmpty
                && !groups.groups.contains { $0.usesSafeSearch }
        }
    }

    /// Which book it is among those of a daemon; never 0.
    var number: UInt64 { UInt64(round) << 8 | UInt64(mark) }

    /// Tells a book from all others, for as long as anybody remembers what it said.
    final class Identity: Sendable {}

    /// What marks entries that pass: 1 to 255.
    package let mark: UInt8
    /// Which time it is that this mark is given.
    package let round: UInt32
    /// Which book it is.
    let identity = Identity()
    /// The rules.
    package let content: Content
    /// How often each list has denied a name.
    package let hits: ListHits
    /// Whether addresses in answers matter.
    let judgesAddresses: Bool
    /// Whether any group wants safe searches.
    private let hasSafeSearch: Bool
    /// Whether a list has aliases among its records.
    let hasListAliases: Bool

    /// A book with a mark; `hits` goes on from one book to the next.
    package init(_ content: Content, mark: UInt8, round: UInt32 = 0, hits: ListHits) {
        self.content = content
        self.mark = mark
        self.round = round
        self.hits = hits
        judgesAddresses = content.refusesPrivate || content.lists.tables.contains { $0.addresses.count > 0 }
        hasSafeSearch = content.groups.groups.contains { $0.usesSafeSearch }
        hasListAliases = content.lists.tables.contains { $0.hasAliases }
    }

    /// What is to be done with a question.
    package enum Ruling {
        /// No rule keeps it from being answered.
        case pass
        /// No rule has to do with its name, whoever asks.
        case unlisted
        /// Our own records answer it, or a list's, which denies it so.
        case local([ResourceRecord], Denial?)
        /// It is answered without records.
        case deny(Denial)
        /// Its name stands for another.
        case redirect(Alias)
    }

    /// That a name stands for another.
    package struct Alias: Sendable {
        /// The other name.
        package let target: Name
        /// For how long, where a record says so.
        let ttl: UInt32?
        /// Why, where it is not by the settings' own records or rewrites.
        package let cause: Denial?
    }

    /// The number of a client's group; `address` is as `IPAddress.number` has it. What it is called goes first.
    package func group(of address: UInt128, named name: ClientName = .none) -> Int? {
        let high = UInt64(truncatingIfNeeded: address >> 64)
        let low = UInt64(truncatingIfNeeded: address)
        let client =
            high == .max ? IPAddress(ipv4: UInt32(truncatingIfNeeded: low)) : IPAddress(high: high, low: low)
        return content.groups.group(of: client, named: name)
    }

    /// What is to be done with a question of a group's client. Its name is in wire form and lower case.
    package func ruling(
        _ name: Span<UInt8>, _ type: RecordType, group: Int?, explains: Bool, counting hits: LocalListHits? = nil
    ) -> Ruling {
        if let own = localRuling(name, type) { return own }
        guard let group, group < content.active.count else { return .pass }
        let verdicts = content.lists.verdicts(of: name)
        if verdicts.isEmpty, !isTouched(name) { return .unlisted }
        if content.active[group].denies(verdicts) {
            let denial = denial(verdicts, group, name, explains: explains, counting: hits) { reason(for: name, in: $0) }
            // A list of records says where the name is.
            if let alias = denial?.alias(for: type) { return .redirect(alias) }
            if let records = denial?.records(of: name, type), !records.isEmpty { return .local(records, denial) }
            if let denial { return .deny(denial) }
        }
        return safeSearch(name, group).map { .redirect($0) } ?? .pass
    }

    /// The name that a search engine's stands for, for a group that wants that.
    private func safeSearch(_ name: Span<UInt8>, _ group: Int) -> Alias? {
        guard content.groups.groups[group].usesSafeSearch, let target = SafeSearch.target(ofWire: name) else { return nil }
        return Alias(target: target, ttl: nil, cause: .safeSearch)
    }

    /// The name that a question's stands for, where `ruling` says that it does; `isPastLists` where lists have no say any more.
    func redirect(_ name: Span<UInt8>, _ type: RecordType, group: Int?, isPastLists: Bool = false) -> Alias? {
        switch localRuling(name, type) {
        case .redirect(let alias): return alias
        case .some: return nil
        case nil: break
        }
        guard let group, group < content.active.count else { return nil }
        guard hasListAliases, !isPastLists else { return safeSearch(name, group) }
        guard case .redirect(let alias) = ruling(name, type, group: group, explains: false) else { return nil }
        return alias
    }

    /// What the operator's own records say of a question, whoever asks.
    func localRuling(_ name: Span<UInt8>, _ type: RecordType) -> Ruling? {
        if let local = content.local, local.mayHave(name), let owner = Self.name(name) {
            switch local.find(owner, type) {
            case .unknown: break
            case .records(let records): return Self.ruling(records, type)
            case .noData: return .deny(Denial(.nodata))
            case .action(let action): return .deny(Denial(ofRecords: action))
            }
        }
        guard !content.rewrites.isEmpty, let target = content.rewrites[[UInt8](copying: name)] else { return nil }
        // To itself means: as it is.
        guard !target.lowercased.wire.span.hasSameBytes(as: name) else { return nil }
        return .redirect(Alias(target: target, ttl: nil, cause: nil))
    }

    /// Whether only our own records, rewrites or safe searches have to do with a name, for any group.
    func isTouched(_ name: Span<UInt8>) -> Bool {
        localRuling(name, .any) != nil || hasSafeSearch && SafeSearch.target(ofWire: name) != nil
    }

    /// The rule by which something is denied: how it is told, and the actions that it has of its own.
    struct Reason {
        /// The rule's name.
        let text: String
        /// What the rules of that name do with what is denied.
        let actions: [RuleAction]
    }

    /// Why a group is not to have an answer for a name about which the lists say something; nil where it is. `explains` says that
    /// somebody reads which rule it is; `find` looks for it in a list.
    func denial(
        _ verdicts: ListVerdicts, _ group: Int, _ name: Span<UInt8>, explains: Bool, counting hits: LocalListHits?,
        find: (Int) -> Reason?
    ) -> Denial? {
        guard case .deny(let list) = content.active[group].decide(verdicts), list < content.listNames.count else { return nil }
        var denial = Denial(.answer(content.groups.groups[group].blockAnswer))
        denial.list = list
        denial.code = content.groups.defaultGroup == group ? .blocked : .filtered
        guard explains || verdicts.special >> UInt64(list) & 1 == 1, let reason = find(list) else {
            hits?.note(list)
            return denial
        }
        denial.text = "\(content.listNames[list]): \(reason.text)"
        denial.action = Denial.Action(reason.actions) ?? denial.action
        // To itself means: as it is. A list that leads all names to one leads that to itself.
        if denial.leads(to: name) { return nil }
        hits?.note(list)
        // There is an answer, though not the one that was asked for (RFC 8914 4.5).
        if case .data = denial.action { denial.code = .forgedAnswer }
        return denial
    }

    /// The rule of a list that denies a name.
    func reason(for name: Span<UInt8>, in list: Int) -> Reason? {
        let deciding = content.lists.matches(of: name, in: list).filter { !$0.rule.isAllow }
        let important = deciding.filter(\.rule.isImportant)
        guard let best = (important.isEmpty ? deciding : important).last else { return nil }
        let same = deciding.filter { $0.labelCount == best.labelCount }
        return Reason(text: Self.text(name, labels: best.labelCount), actions: Self.apply(same.map(\.rule.action), to: name))
    }

    /// The rule of a list that denies an address in the answer to a question about a name.
    func reason(for address: NameRules.IPAddress, of name: Span<UInt8>, in list: Int) -> Reason? {
        let matches = content.lists.matches(of: address).filter { $0.list == list && !$0.rule.isAllow }
        guard let first = matches.first else { return nil }
        return Reason(text: "\(first.prefix)", actions: Self.apply(matches.map(\.rule.action), to: name))
    }

    /// What actions do with a name.
    private static func apply(_ actions: [RuleAction], to name: Span<UInt8>) -> [RuleAction] {
        guard actions.contains(where: \.isAlias), let name = Self.name(name) else { return actions }
        return actions.map { $0.applied(to: name) }
    }

    /// What records make of a question: an alias stands for its target.
    private static func ruling(_ records: [ResourceRecord], _ type: RecordType) -> Ruling {
        if type != .cname, type != .any, case .cname(let alias) = records.first?.data {
            return .redirect(Alias(target: alias.target, ttl: records[0].ttl, cause: nil))
        }
        return .local(records, nil)
    }

    /// A name from its wire form.
    static func name(_ wire: Span<UInt8>) -> Name? { try? Name(wire: [UInt8](copying: wire)) }

    /// The last labels of a name in wire form as text, without the final dot (RFC 4343 2.1).
    package static func text(_ wire: Span<UInt8>, labels: Int) -> String {
        var left = 0
        var position = 0
        while position < wire.count, wire[position] > 0 {
            left += 1
            position += Int(wire[position]) + 1
        }
        guard labels > 0, left > 0 else { return "." }
        position = 0
        while left > labels {
            left -= 1
            position += Int(wire[position]) + 1
        }
        var text: [UInt8] = []
        text.reserveCapacity(wire.count)
        while position < wire.count, wire[position] > 0 {
            let end = position + Int(wire[position]) + 1
            guard end <= wire.count else { break }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for index in position + 1..<end { append(wire[index], to: &text) }
            position = end
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends a byte of a label: as it is where it has no meaning of its own, else escaped.
    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "$"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: ";"), UInt8(ascii: "@"):
            text += [UInt8(ascii: "\\"), byte]
        case 0x21...0x7E: text.append(byte)
        default: text += [UInt8(ascii: "\\"), 0x30 + byte / 100, 0x30 + byte / 10 % 10, 0x30 + byte % 10]
        }
    }
}
