internal import DNSWire
internal import GreenHTTP
internal import Resolver

/// What `vireo rules test` asks: what the rules do with a name.
struct RuleQuestion {
    /// The parameters it is made of.
    static let keys = ["name", "type", "client", "at"]

    /// The name.
    let name: Name
    /// The type that is asked for.
    let type: RecordType
    /// Who asks; nil for whoever belongs to no group.
    let client: TestedClient?
    /// When: seconds since 1970; nil for now.
    let at: Int64?

    /// Reads the parameters.
    init(_ parameters: ControlParameters) throws(HTTPError) {
        guard let name = try parameters.name("name") else { throw HTTPError(400, "name is missing") }
        self.name = name
        type = try parameters.type() ?? .a
        client = try parameters.client()
        at = try parameters.text("at").map { text throws(HTTPError) in
            guard let moment = RuleClock.moment(text) else {
                throw HTTPError(400, "\(quoted(text)) is not a time such as \"2026-11-27 18:00\"")
            }
            return moment
        }
    }
}
