internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// A query and its answer, as people and programs are shown them. Names are escaped as in zone files (RFC 4343 2.1), so that
/// nothing of a stranger's is obeyed by a terminal.
struct ShownQuery {
    let time: String
    let client: String
    let name: String
    let type: String
    let responseCode: String
    let source: String
    let microseconds: UInt64
    let transport: String
    let outcome: String
    /// What the client is called, where somebody knows.
    let clientName: String?

    /// What a worker told.
    init(_ entry: QueryTap.Entry) {
        time = WallTime.text(nanoseconds: entry.time)
        client = entry.identity.addressText
        name = Self.name(entry.name)
        type = "\(RecordType(rawValue: entry.type))"
        responseCode = "\(ResponseCode(rawValue: entry.responseCode))"
        source = entry.source.name
        microseconds = entry.nanoseconds / 1_000
        transport = entry.transport.name
        outcome = entry.outcome.name
        clientName = entry.identity.nameText
    }

    /// A name in wire form.
    static func name(_ wire: [UInt8]) -> String { (try? Name(wire: wire)).map { "\($0)" } ?? "-" }

    /// A line for people.
    var line: String {
        let took = microseconds > 0 ? "  " + TextTable.duration(microseconds: microseconds) : ""
        let who = clientName.map { "\(client) (\($0))" } ?? client
        let cut = outcome == AnswerOutcome.answered.name ? "" : "  \(outcome)"
        return PlainText.shown("\(time)  \(who)  \(name) \(type)  \(responseCode)  \(source)  \(transport)\(took)\(cut)") + "\n"
    }

    /// The same for programs.
    func write(to writer: inout JSONWriter) {
        writer.member("time", time)
        writer.member("client", client)
        writer.member("name", name)
        writer.member("type", type)
        writer.member("rcode", responseCode)
        writer.member("source", source)
        writer.member("microseconds", microseconds)
        writer.member("transport", transport)
        writer.member("outcome", outcome)
        if let clientName { writer.member("client-name", clientName) }
    }
}
