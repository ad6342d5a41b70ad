internal import DNSWire

/// What happens in a run, in lines for who looks into it.
package final class Chronicle {
    /// A line, and the name that it is about where it is about one.
    private struct Line {
        let name: String?
        let text: String
    }

    /// Whether each question and answer is told of, not only what changes the world.
    let isDetailed: Bool
    /// The clock by which lines are dated, in seconds.
    var now: () -> Double = { 0 }
    private var lines: [Line] = []
    private static let most = 40_000

    /// A chronicle without a line.
    init(isDetailed: Bool) { self.isDetailed = isDetailed }

    /// Adds a line.
    func say(_ text: String) { add(text, nil) }

    /// Adds a line about a name, where details are wanted.
    func say(of name: @autoclosure () -> String, _ text: @autoclosure () -> String) {
        if isDetailed { add(text(), name()) }
    }

    private func add(_ text: String, _ name: String?) {
        lines.append(Line(name: name, text: "\(Self.time(now())) s  \(text)"))
        if lines.count > Self.most { lines.removeFirst(Self.most / 2) }
    }

    /// What is about no name, and what is about `name` or one that its aliases lead to; all where that is nil.
    func lines(about name: String?) -> [String] {
        lines.filter { line in name == nil || line.name?.hasSuffix(name!) ?? true }.map(\.text)
    }

    /// A moment with three digits behind the point.
    static func time(_ seconds: Double) -> String {
        let milliseconds = Int(seconds * 1_000)
        let digits = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// What a reply says, in few words.
    static func brief(_ reply: Message) -> String {
        let shown = reply.answers.prefix(4).map { "\($0.owner) \($0.ttl) \($0.type) \($0.data)" }
        let more = reply.answers.count > shown.count ? ["… \(reply.answers.count) in all"] : []
        let reason = reply.edns?.extendedError.map { "(\($0.code) \($0.text))" }
        let words = [reply.flags.isTruncated ? "TC" : nil, reason].compactMap { $0 }
        let ends = reply.answers.isEmpty ? reply.authorities.prefix(1).map { "\($0.type) \($0.ttl)" } : []
        return (["\(reply.responseCode)"] + shown + more + ends + words).joined(separator: "  ")
    }
}
