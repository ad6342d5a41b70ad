internal import DNSWire
internal import Green
internal import GreenHTTP
internal import Observation
internal import Resolver

/// `vireo explain`: has a worker take the walk of a query, watched, and shows what it went through.
struct ExplainAPI {
    private let workers: WorkersPart
    private let rules: NameRulesPart?

    /// A question may take so long, with what Redis and upstreams may.
    private static let patience = Duration.seconds(15)

    /// Explains by a daemon's workers, and says where the rules in force stand.
    init(_ workers: WorkersPart, _ rules: NameRulesPart?) {
        (self.workers, self.rules) = (workers, rules)
    }

    /// Answers a request. Waits.
    func answer(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["name", "type", "client", "no-cache"])
        guard let name = try parameters.name("name") else { throw HTTPError(400, "name is missing") }
        let type = try parameters.type() ?? .a
        let client = try parameters.client() ?? .loopback
        guard let query = Self.query(name, type) else { throw HTTPError(400, "\(name) is too long") }
        let (identity, clientName) = (client.identity, client.name)
        let skipsCache = parameters.has("no-cache")
        let found = try workers.ask(within: Self.patience) { worker in
            worker.resolver.explain(query, from: identity.address, named: clientName, skipsCache: skipsCache)
        }
        guard let found else { throw HTTPError(503, "no worker answers") }
        let ruling = try ruling(name, client, isDenied: found.steps.contains { $0.subject == "rules" })
        return format.response {
            Self.text("\(name) \(type), for \(client.text)", found, ruling)
        } json: { writer in
            Self.write(Question(name, type), client, found, to: &writer)
            guard let ruling else { return }
            writer.key("rule")
            writer.object { ruling.write(name, to: &$0) }
        }
    }

    /// A query as a client sends it.
    private static func query(_ name: Name, _ type: RecordType) -> [UInt8]? {
        var message = Message(id: UInt16.random(in: 0...UInt16.max))
        message.flags.recursionDesired = true
        message.questions = [Question(name, type)]
        message.edns = EDNS()
        return try? message.encoded()
    }

    /// What the rules do with the name, and in which line of which file that stands; nil where they did nothing: a rule that denies
    /// says nothing where something else answered before it.
    private func ruling(_ name: Name, _ client: TestedClient, isDenied: Bool) throws -> RuleExplanation? {
        guard let rules, let content = rules.book?.content else { return nil }
        let loop = Hub.current.loop
        let (lists, files, seconds) = (rules.lists, loop.files, loop.wallTime() / 1_000_000_000)
        return try blocking {
            var found = RuleExplanation(content, name, client: client, at: seconds)
            found.locate(name, content, in: lists, files)
            return found.rule != nil && (isDenied || found.outcome == .pass) ? found : nil
        }
    }

    /// A tree with times for people.
    private static func text(_ title: String, _ found: Explanation, _ ruling: RuleExplanation?) -> String {
        var text = PlainText.shown(title) + "\n"
        let times = found.steps.map { TextTable.duration(microseconds: $0.at / 1_000) }
        let width = times.map(\.count).max() ?? 0
        for (step, time) in zip(found.steps, times) {
            let branch = String(repeating: "  ", count: step.depth)
            let line = "\(branch)\(step.subject): \(step.text)"
            text += "  " + String(repeating: " ", count: width - time.count) + time + "  " + PlainText.shown(line) + "\n"
        }
        if let ruling {
            let list = ruling.list.map { " of list \($0)" } ?? ""
            let place = ruling.place.map { " (\($0))" } ?? ""
            let effect = ruling.outcome == .pass ? ", which lets it pass" : ""
            text += "  " + PlainText.shown("rule: \(ruling.rule ?? "")\(list)\(place)\(effect)") + "\n"
        }
        text += "  " + TextTable.duration(microseconds: found.nanoseconds / 1_000) + " in all\n"
        guard let message = Message(showing: found.answer.span) else { return text }
        text += "\(message.responseCode)"
        if let reason = extendedError(found) { text += PlainText.shown(" (\(reason.code): \(reason.text))") }
        text += "\n"
        for record in message.answers + message.authorities { text += shown(record) + "\n" }
        return text
    }

    /// The same for programs.
    private static func write(
        _ question: Question, _ client: TestedClient, _ found: Explanation, to writer: inout JSONWriter
    ) {
        writer.member("name", "\(question.name)")
        writer.member("type", "\(question.type)")
        writer.member("client", client.identity.addressText)
        if let name = client.nameText { writer.member("client-name", name) }
        writer.member("microseconds", found.nanoseconds / 1_000)
        writer.key("steps")
        writer.array { writer in
            for step in found.steps {
                writer.object { writer in
                    writer.member("microseconds", step.at / 1_000)
                    writer.member("depth", step.depth)
                    writer.member("subject", step.subject)
                    writer.member("text", step.text)
                }
            }
        }
        let message = Message(showing: found.answer.span)
        writer.member("rcode", message.map { "\($0.responseCode)" })
        writer.member("extended-error", extendedError(found).map { "\($0.code): \($0.text)" })
        writer.key("answer")
        writer.array { writer in
            for record in (message?.answers ?? []) + (message?.authorities ?? []) { writer.value(shown(record)) }
        }
    }

    /// A record in one line, without tabs.
    private static func shown(_ record: ResourceRecord) -> String {
        PlainText.shown(String("\(record)".map { $0 == "\t" ? " " : $0 }))
    }

    /// Why the answer is as it is, where it says so.
    private static func extendedError(_ found: Explanation) -> (code: ExtendedErrorCode, text: String)? {
        (try? Message(found.answer.span))?.edns?.extendedError
    }
}
