internal import DNSWire
internal import Green
internal import GreenHTTP
internal import NameRules
internal import Resolver

/// Rules that an operator gives to the running daemon.
extension RulesAPI {
    /// So long a rule may last that is not for good: ten years.
    private static var longest: Int64 { 315_360_000 }

    /// Those that there are.
    func own(_ request: HTTPRequest, _ format: ControlFormat) throws(HTTPError) -> HTTPResponse {
        _ = try ControlParameters(request, known: [])
        let now = Hub.current.loop.wallTime() / 1_000_000_000
        let rules = rules.own.rules.filter { $0.endsAt.map { $0 > now } ?? true }
        return format.response {
            rules.isEmpty ? "no rules were added\n" : rules.map { Self.text($0, at: now) }.joined()
        } json: { writer in
            writer.key("rules")
            writer.array { writer in
                for rule in rules {
                    writer.object { writer in
                        writer.member("name", "\(rule.name)")
                        writer.member("action", rule.isAllow ? "allow" : "deny")
                        if let end = rule.endsAt { writer.member("seconds", Int(clamping: end - now)) }
                    }
                }
            }
        }
    }

    /// A rule for people.
    private static func text(_ rule: OwnRules.Rule, at now: Int64) -> String {
        let end = rule.endsAt.map { "for \(DurationText.print(.seconds(max(0, $0 - now)))) more" } ?? "for good"
        return "\(rule.isAllow ? "allow" : "deny") \(rule.name) \(end)\n"
    }

    /// Gives one.
    func add(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let parameters = try ControlParameters(request, known: ["name", "action", "for"])
        let name = try Self.name(parameters)
        let action = parameters.text("action") ?? "deny"
        guard action == "deny" || action == "allow" else { throw HTTPError(400, "\(quoted(action)) is not deny or allow") }
        guard action == "allow" || !HostNames.contains(name.wire.span) else {
            throw HTTPError(400, "\(name) is this host itself, which no rule denies")
        }
        let now = Hub.current.loop.wallTime() / 1_000_000_000
        let seconds = try parameters.text("for").map { text throws(HTTPError) in
            guard let duration = DurationText.read(text), (1...Self.longest).contains(duration.components.seconds) else {
                throw HTTPError(400, "\(quoted(text)) is not a duration such as 30m, 1h or 7d")
            }
            return duration.components.seconds
        }
        let rule = OwnRules.Rule(name: name, isAllow: action == "allow", endsAt: seconds.map { now + $0 })
        do {
            let problem = try rules.add(rule)
            return Self.said(Self.text(rule, at: now), problem, format)
        } catch NameRulesPart.OwnRuleFault.full {
            throw HTTPError(409, "there are as many rules or lists as there may be")
        }
    }

    /// Takes one back.
    func remove(_ request: HTTPRequest, _ format: ControlFormat) throws -> HTTPResponse {
        let name = try Self.name(ControlParameters(request, known: ["name"]))
        guard let problem = try rules.removeOwn(name) else { throw HTTPError(404, "no rule was added for \(name)") }
        return Self.said("removed \(name)\n", problem.isEmpty ? nil : problem, format)
    }

    /// The name that a rule is about.
    private static func name(_ parameters: ControlParameters) throws(HTTPError) -> Name {
        guard let name = try parameters.name("name")?.lowercased else { throw HTTPError(400, "name is missing") }
        guard OwnRules.isPlain(name) else {
            throw HTTPError(400, "a rule's name has letters, digits, hyphens and underscores only")
        }
        return name
    }

    /// What was done, and why it is not kept over a restart, where it is not.
    private static func said(_ text: String, _ problem: String?, _ format: ControlFormat) -> HTTPResponse {
        format.response {
            text + (problem.map { "not kept over a restart: \($0)\n" } ?? "")
        } json: { writer in
            writer.member("done", String(text.dropLast()))
            writer.member("problem", problem)
        }
    }
}
