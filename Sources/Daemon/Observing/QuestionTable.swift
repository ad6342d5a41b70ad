internal import DNSWire
internal import Green
internal import Observation
internal import Resolver

/// Questions that are being asked, or were, as people and programs are shown them.
struct QuestionTable {
    private let questions: [AskedQuestion]
    private let upstreams: UpstreamDirectory
    private let now: Instant

    /// So many questions in flight are shown, the oldest first.
    static let most = 1_000

    /// Some questions; `upstreams` knows those that are waited for.
    init(_ questions: [AskedQuestion], _ upstreams: UpstreamDirectory, at now: Instant) {
        self.questions = questions
        self.upstreams = upstreams
        self.now = now
    }

    /// Whom a question waits for.
    private func waitsFor(_ question: AskedQuestion) -> String {
        switch question.waitsFor {
        case .nobody: "-"
        case .redis: "redis"
        case .upstream(let number): upstreams.name(of: number) ?? "an upstream"
        }
    }

    /// Those in flight: `vireo ps`.
    var inFlight: String {
        guard !questions.isEmpty else { return "nothing is being asked\n" }
        var table = TextTable(["NAME", "TYPE", "AGE", "CLIENTS", "FIRST ASKED BY", "WAITS FOR"], right: [2, 3])
        for (number, each) in questions.enumerated() {
            giveWay(before: number, every: 16)
            table.add([
                each.name?.description ?? "?", "\(each.type)", TextTable.duration(microseconds: each.nanoseconds / 1_000),
                "\(each.clients)", each.client?.text ?? "-", waitsFor(each),
            ])
        }
        return table.text
    }

    /// Those that were slow: `vireo slow`.
    var slow: String {
        guard !questions.isEmpty else { return "nothing was asked in the last hour\n" }
        var table = TextTable(
            ["TOOK", "AGO", "NAME", "TYPE", "CLIENTS", "FIRST ASKED BY", "OUTCOME", "UPSTREAM"], right: [0, 1, 4])
        for (number, each) in questions.enumerated() {
            giveWay(before: number, every: 16)
            table.add([
                TextTable.duration(microseconds: each.nanoseconds / 1_000),
                TextTable.duration(microseconds: each.at.nanoseconds(to: now) / 1_000), each.name?.description ?? "?",
                "\(each.type)", "\(each.clients)", each.client?.text ?? "-", each.outcome ?? "-", waitsFor(each),
            ])
        }
        return table.text
    }

    /// The same for programs, under a key.
    func write(_ key: String = "questions", to writer: inout JSONWriter) {
        writer.key(key)
        writer.array { writer in
            for (number, each) in questions.enumerated() {
                giveWay(before: number, every: 16)
                writer.object { writer in
                    writer.member("name", each.name?.description)
                    writer.member("type", "\(each.type)")
                    writer.member("microseconds", each.nanoseconds / 1_000)
                    writer.member("clients", each.clients)
                    writer.member("client", each.client?.addressText)
                    if let name = each.client?.nameText { writer.member("client-name", name) }
                    writer.member("waits-for", waitsFor(each))
                    if let outcome = each.outcome {
                        writer.member("outcome", outcome)
                        writer.member("seconds-ago", each.at.nanoseconds(to: now) / 1_000_000_000)
                    }
                }
            }
        }
    }
}
