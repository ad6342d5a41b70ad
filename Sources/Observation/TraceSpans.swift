/// A question that was traced, as spans of OpenTelemetry (opentelemetry-proto, trace.proto): one for all of it, and below it one
/// for each step of its `QuestionTrace`, which lasts until the next that is no deeper.
package struct TraceSpans {
    /// What a trace is about.
    package struct Subject {
        /// What the first span is called.
        package var title: String
        /// Whether a client asked it; else it is a question of our own, for whoever waits.
        package var isClients: Bool
        /// What is known of it.
        package var attributes: [(key: String, value: String)] = []
        /// Whether no answer was to be had.
        package var isFailure = false

        /// A question of a client, or of our own.
        package init(_ title: String, isClients: Bool) { (self.title, self.isClients) = (title, isClients) }
    }

    /// When a trace began and ended, in nanoseconds since 1970.
    package typealias Moments = (begun: Int64, ended: Int64)

    /// No text is longer.
    static let longestText = 512
    /// All spans together are no longer; what comes then is left out.
    static let mostBytes = 60_000

    /// Fields of a `Span`, and of what is in it.
    private enum Field {
        static let traceID: UInt64 = 1
        static let spanID: UInt64 = 2
        static let parentID: UInt64 = 4
        static let name: UInt64 = 5
        static let kind: UInt64 = 6
        static let start: UInt64 = 7
        static let end: UInt64 = 8
        static let attributes: UInt64 = 9
        static let status: UInt64 = 15
        /// `spans` of a `ScopeSpans`.
        static let spans: UInt64 = 2
        /// `code` of a `Status`.
        static let code: UInt64 = 3
    }

    /// `SpanKind`.
    private enum Kind: UInt64 {
        case inside = 1
        case server, client
    }

    private let traceID: [UInt8]
    private let firstID: UInt64
    private let moments: Moments
    private var writer = ProtobufWriter()
    private var count = 0

    /// The spans of a question; `random` gives the numbers that tell it from all others.
    package static func record(
        _ subject: Subject, _ steps: [QuestionTrace.Step], _ moments: Moments, random: () -> UInt64
    ) -> TraceTap.Record {
        var spans = TraceSpans(moments, random)
        spans.writeRoot(subject)
        spans.write(steps)
        return TraceTap.Record(spanCount: spans.count, bytes: spans.writer.bytes)
    }

    private init(_ moments: Moments, _ random: () -> UInt64) {
        self.moments = (max(0, moments.begun), max(0, moments.begun, moments.ended))
        // Neither may be all zeros.
        traceID = Self.bytes(random() | 1) + Self.bytes(random())
        firstID = random()
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
    }

    /// The id of the span with a number, 0 for the first; no two are the same, and none is zero.
    private func id(_ number: Int) -> [UInt8] {
        let id = firstID &+ UInt64(number)
        return Self.bytes(id == 0 ? firstID &- 1 : id)
    }

    private mutating func writeRoot(_ subject: Subject) {
        add(0, above: nil, subject.title, subject.isClients ? .server : .inside, moments, subject.attributes, subject.isFailure)
    }

    private mutating func write(_ steps: [QuestionTrace.Step]) {
        // The steps that the next one may stand below, the deepest last.
        var above: [(number: Int, depth: Int)] = []
        for (number, step) in steps.enumerated() {
            above.removeAll { $0.depth >= step.depth }
            let next = steps[(number + 1)...].first { $0.depth <= step.depth }
            let lasts: Moments = (moment(step.at), next.map { moment($0.at) } ?? moments.ended)
            let parent = above.last?.number ?? 0
            add(number + 1, above: parent, step.subject, step.depth > 0 ? .client : .inside, lasts, [("vireo.step", step.text)])
            above.append((number + 1, step.depth))
        }
    }

    /// A moment of a trace; none lies outside it.
    private func moment(_ nanoseconds: UInt64) -> Int64 {
        let (sum, overflow) = moments.begun.addingReportingOverflow(Int64(clamping: nanoseconds))
        return overflow ? moments.ended : min(sum, moments.ended)
    }

    private mutating func add(
        _ number: Int, above parent: Int?, _ name: String, _ kind: Kind, _ lasts: Moments,
        _ attributes: [(key: String, value: String)], _ isFailure: Bool = false
    ) {
        var span = ProtobufWriter()
        span.data(Field.traceID, traceID)
        span.data(Field.spanID, id(number))
        if let parent { span.data(Field.parentID, id(parent)) }
        span.text(Field.name, Self.short(name))
        span.number(Field.kind, kind.rawValue)
        span.fixed64(Field.start, UInt64(lasts.begun))
        span.fixed64(Field.end, UInt64(max(lasts.begun, lasts.ended)))
        for (key, value) in attributes { span.attribute(Field.attributes, key, Self.short(value)) }
        // STATUS_CODE_ERROR.
        if isFailure { span.message(Field.status) { $0.number(Field.code, 2) } }
        guard writer.bytes.count + span.bytes.count + 8 <= Self.mostBytes else { return }
        writer.data(Field.spans, span.bytes)
        count += 1
    }

    /// A text of characters to see that is not too long, whole characters only.
    private static func short(_ text: String) -> String {
        let text = PlainText.shown(text)
        guard text.utf8.count > longestText else { return text }
        var length = 0
        let part = text.prefix { character in
            length += character.utf8.count
            return length <= longestText
        }
        return String(part)
    }
}

extension ProtobufWriter {
    /// A `KeyValue` whose value is a text.
    package mutating func attribute(_ field: UInt64, _ key: String, _ value: String) {
        message(field) { pair in
            pair.text(1, key)
            pair.message(2) { $0.text(1, value) }
        }
    }
}
