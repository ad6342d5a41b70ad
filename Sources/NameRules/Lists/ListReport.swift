/// Why a line of a list is no rule here.
package enum SkipReason: Int, CaseIterable, Hashable, Sendable {
    /// The line is longer than a rule can be.
    case tooLong
    /// It holds bytes that no text has.
    case notText
    /// What stands for a name is none.
    case badName
    /// An address stands where a name should.
    case address
    /// A name that hosts files give to the host itself.
    case localName
    /// It hides parts of pages.
    case cosmetic
    /// It is about paths or protocols, which DNS does not see.
    case path
    /// It is a pattern with wildcards inside, or a regular expression.
    case pattern
    /// It is about parts of names: nothing says where the name begins or ends.
    case notAnchored
    /// Its modifiers have a meaning in browsers only.
    case browserModifier
    /// Its modifiers have a meaning for DNS that is not supported.
    case otherModifier
    /// It sends a domain's questions to another server.
    case forwarder
    /// It is another setting of the program that the format belongs to.
    case otherSetting
    /// It is about name servers (NSDNAME, NSIP), which a forwarder does not meet.
    case nameServerTrigger
    /// It is about the addresses of clients, which groups are for.
    case clientTrigger
    /// It asks for an action that is not supported.
    case unsupportedAction
    /// Its record cannot be read, or has no meaning here.
    case badRecord
    /// The name is not in the zone.
    case outOfZone
    /// The table holds all that it can.
    case full
}

/// What became of a list's lines.
package struct ListReport: Sendable {
    /// Lines that were skipped for one reason.
    package struct Skipped: Hashable, Sendable {
        /// How many.
        package var count = 0
        /// The first of them, cut to a readable length.
        package var example = ""
        /// Its number, from 1.
        package var line = 0
    }

    /// How many lines there are.
    package internal(set) var lineCount = 0
    /// How many rules they hold; the same rule twice counts twice.
    package internal(set) var ruleCount = 0
    /// How many lines are empty or comments.
    package internal(set) var commentCount = 0
    /// What was skipped, by reason.
    private var skipped = [Skipped](repeating: Skipped(), count: SkipReason.allCases.count)

    /// How many bytes an example has at most.
    static var exampleBytes: Int { 120 }

    /// Nothing was read.
    init() {}

    /// The lines that were skipped for a reason.
    package subscript(_ reason: SkipReason) -> Skipped { skipped[reason.rawValue] }

    /// How many lines, or names in them, were skipped.
    package var skippedCount: Int { skipped.reduce(0) { $0 + $1.count } }

    /// Counts a line that is skipped.
    mutating func skip(_ reason: SkipReason, _ line: Span<UInt8>) {
        if skipped[reason.rawValue].count == 0 {
            skipped[reason.rawValue].example = TextLine.text(line.extracting(first: Self.exampleBytes))
            skipped[reason.rawValue].line = lineCount
        }
        skipped[reason.rawValue].count += 1
    }
}
