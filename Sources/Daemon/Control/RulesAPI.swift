internal import DNSWire
internal import Green
internal import GreenHTTP
internal import NameRules
internal import Resolver

/// What the control socket says of names by rule.
struct RulesAPI {
    let rules: NameRulesPart
    private let downloads: ListDownloadsPart?

    /// The answers of a part.
    init(_ rules: NameRulesPart, _ downloads: ListDownloadsPart?) {
        self.rules = rules
        self.downloads = downloads
    }

    /// Lists: names, what was skipped and why, age, and how often each has denied something.
    func lists(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let now = Hub.current.loop.wallTime()
        let counts = rules.hitCounts
        let lists = Array(rules.lists.enumerated())
        return format.response {
            lists.isEmpty ? "no lists\n" : lists.map { text($1, hits: counts[$0], at: now) }.joined()
        } json: { writer in
            writer.key("lists")
            writer.array { writer in
                for (number, list) in lists { writer.object { write(list, hits: counts[number], at: now, to: &$0) } }
            }
        }
    }

    /// A list for people.
    private func text(_ list: LoadedList, hits: Int, at now: Int64) -> String {
        let report = list.report
        var lines = [
            "\(list.settings.name): \(list.table.ruleCount) rules, \(report.lineCount) lines, \(report.skippedCount) skipped, "
                + "\(list.table.byteCount) bytes, read \(max(0, now - list.loadedAt) / 1_000_000_000) s ago, \(hits) hits"
        ]
        for file in list.files.files { lines.append("  from \(file.name)" + standing(of: file, at: now)) }
        for problem in list.problems { lines.append("  problem: \(problem)") }
        for reason in SkipReason.allCases where report[reason].count > 0 {
            let skipped = report[reason]
            lines.append("  skipped \(skipped.count): \(reason.text), as line \(skipped.line): \(quoted(skipped.example))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How a source stands.
    private func standing(of file: ListFiles.File, at now: Int64) -> String {
        guard let url = file.url, let state = ListURL(url).flatMap({ downloads?.states[$0] }) else {
            return file.stamp == nil ? " (missing)" : ""
        }
        let age = max(0, now / 1_000_000_000 - state.record.checkedAt)
        let checked = state.record.size > 0 ? "confirmed \(age) s ago" : "not downloaded yet"
        return " (\(checked)" + (state.problem.map { "; \($0)" } ?? "") + ")"
    }

    /// A list for programs.
    private func write(_ list: LoadedList, hits: Int, at now: Int64, to writer: inout JSONWriter) {
        writer.member("name", list.settings.name)
        writer.member("rules", list.table.ruleCount)
        writer.member("lines", list.report.lineCount)
        writer.member("bytes", list.table.byteCount)
        writer.member("age", max(0, now - list.loadedAt) / 1_000_000_000)
        writer.member("hits", hits)
        writer.key("files")
        writer.array { writer in for file in list.files.files { writer.value(file.name) } }
        writer.key("downloads")
        writer.array { writer in
            for file in list.files.files {
                guard let url = file.url, let state = ListURL(url).flatMap({ downloads?.states[$0] }) else { continue }
                writer.object { writer in
                    writer.member("url", ListURL.shown(url))
                    writer.member("confirmed", Int(clamping: state.record.checkedAt))
                    writer.member("failures", state.failures)
                    writer.member("problem", state.problem)
                }
            }
        }
        writer.key("problems")
        writer.array { writer in for problem in list.problems { writer.value(problem) } }
        writer.key("skipped")
        writer.object { writer in
            for reason in SkipReason.allCases where list.report[reason].count > 0 {
                writer.member("\(reason)", list.report[reason].count)
            }
        }
    }

    /// What the rules do with a name.
    func test(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let question = try RuleQuestion(ControlParameters(request, known: RuleQuestion.keys))
        let loop = Hub.current.loop
        let (content, lists, files) = (rules.book?.content ?? RuleBook.Content(), rules.lists, loop.files)
        let now = loop.wallTime() / 1_000_000_000
        let found = try blocking { RuleExplanation(question, content, lists, files, at: now) }
        return HTTPResponse(.bytes(found.bytes(question.name, format)), status: 200, headers: [format.type()])
    }
}

extension SkipReason {
    /// In words.
    var text: String {
        switch self {
        case .tooLong: "longer than a rule can be"
        case .notText: "not text"
        case .badName: "no name"
        case .address: "an address"
        case .localName: "a name of the host itself"
        case .cosmetic: "hides parts of pages"
        case .path: "about paths or protocols"
        case .pattern: "a pattern"
        case .notAnchored: "about parts of names"
        case .browserModifier: "modifiers for browsers"
        case .otherModifier: "modifiers that are not supported"
        case .forwarder: "sends a domain elsewhere"
        case .otherSetting: "another setting"
        case .nameServerTrigger: "about name servers"
        case .clientTrigger: "about clients"
        case .unsupportedAction: "an action that is not supported"
        case .badRecord: "a record that cannot be read"
        case .outOfZone: "not in the zone"
        case .full: "the table is full"
        }
    }
}
