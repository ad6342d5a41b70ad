internal import DNSWire
internal import Green
internal import NameRules
internal import Resolver

/// What the rules do with a name, and why: `vireo rules test`, and the tests of a configuration.
struct RuleExplanation: Sendable {
    /// What comes of it.
    let outcome: RuleTest.Expectation
    /// What the client is told, or where the name leads.
    var answer = ""
    /// The client's group.
    var group: String?
    /// The list that decides.
    var list: String?
    /// The rule that decides, as its name.
    var rule: String?
    /// Where it stands.
    var place: String?

    /// Asks a book, as it would be at a moment.
    init(_ content: RuleBook.Content, _ name: Name, _ type: RecordType = .a, client: TestedClient?, at seconds: Int64) {
        var content = content
        content.active = content.active(at: seconds)
        let book = RuleBook(content, mark: 1, hits: ListHits())
        let number =
            switch client {
            case .address(let address): content.groups.group(of: address)
            case .name(let name): content.groups.group(of: nil, named: ClientName(name))
            case nil: content.groups.group(of: nil)
            }
        group = number.map { content.groups.groups[$0].name }
        let wire = name.lowercased.wire
        switch book.ruling(wire.span, type, group: number, explains: true) {
        case .pass, .unlisted:
            outcome = .pass
            let verdicts = content.lists.verdicts(of: wire.span)
            if let number, number < content.active.count, case .allow(let list) = content.active[number].decide(verdicts) {
                self.list = content.listNames[list]
            }
        case .local(let records, let denial):
            outcome = denial == nil ? .local : .block
            answer = records.map { "\($0.type) \($0.data)" }.joined(separator: ", ")
            note(denial, content)
        case .redirect(let alias):
            outcome = alias.cause?.list == nil ? .local : .block
            answer = "\(alias.target)" + (alias.cause?.isSafeSearch == true ? " (safe search)" : "")
            note(alias.cause, content)
        case .deny(let denial):
            outcome = denial.list == nil ? .local : .block
            answer = Self.text(denial.action)
            note(denial, content)
        }
    }

    /// Answers a question, with the line of the rule; about now, where it does not say when. Blocks.
    init(
        _ question: RuleQuestion, _ content: RuleBook.Content, _ lists: [LoadedList], _ access: any FileAccess, at now: Int64
    ) {
        self.init(content, question.name, question.type, client: question.client, at: question.at ?? now)
        locate(question.name, content, in: lists, access)
    }

    /// Takes over which list and rule a denial is by.
    private mutating func note(_ denial: Denial?, _ content: RuleBook.Content) {
        guard let denial, let number = denial.list else { return }
        list = content.listNames[number]
        rule = denial.text.isEmpty ? nil : String(denial.text.drop { $0 != ":" }.dropFirst(2))
    }

    /// The kind of a denial's answer.
    private static func text(_ action: Denial.Action) -> String {
        switch action {
        case .answer(let answer): answer.settingText
        case .nxdomain: "nxdomain"
        case .nodata: "nodata"
        case .drop: "no answer"
        case .tcpOnly: "over TCP only"
        case .refuse: "refused"
        case .data: "nodata"
        }
    }

    /// Finds the line of the rule in the files of its list. Blocks.
    mutating func locate(_ name: Name, _ content: RuleBook.Content, in lists: [LoadedList], _ access: any FileAccess) {
        guard let list, let number = content.listNames.firstIndex(of: list), number < lists.count else { return }
        let wire = name.lowercased.wire
        let matches = content.lists.matches(of: wire.span).filter { $0.list == number && $0.rule.isAllow == (outcome == .pass) }
        guard let match = matches.last(where: { $0.rule.isImportant }) ?? matches.last else { return }
        rule = rule ?? RuleBook.text(wire.span, labels: match.labelCount)
        for file in lists[number].files.files {
            var locator = RuleLocator(match, of: wire.span, format: lists[number].settings.format)
            var offset = 0
            while let bytes = try? access.read(file.path, from: offset, count: 65_536), !bytes.isEmpty,
                offset < ListLoader.sizeLimit
            {
                locator.read(bytes.span)
                offset += bytes.count
                giveWay()
            }
            locator.end()
            if let line = locator.line {
                place = "\(file.name):\(line)"
                return
            }
        }
    }

    /// For people.
    func text(_ name: Name) -> String {
        var lines = ["\(name): \(outcome.rawValue)" + (answer.isEmpty ? "" : ", \(answer)")]
        if let group { lines.append("  group: \(group)") }
        if let list { lines.append("  list: \(list)") }
        if let rule { lines.append("  rule: \(rule)" + (place.map { " (\($0))" } ?? "")) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The body of the answer to who asks what the rules do with a name.
    func bytes(_ name: Name, _ format: ControlFormat) -> [UInt8] {
        format.bytes {
            text(name)
        } json: { writer in
            write(name, to: &writer)
        }
    }

    /// For programs.
    func write(_ name: Name, to writer: inout JSONWriter) {
        writer.member("name", "\(name)")
        writer.member("outcome", outcome.rawValue)
        writer.member("answer", answer)
        writer.member("group", group)
        writer.member("list", list)
        writer.member("rule", rule)
        writer.member("place", place)
    }
}
