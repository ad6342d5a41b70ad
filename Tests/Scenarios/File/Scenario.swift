/// A scenario file, read.
package struct Scenario: Sendable {
    /// The file's name.
    package let file: String
    /// The comment that opens it: a sentence on what it proves.
    package let opening: String
    /// What stands behind SCENARIO_BEGIN.
    package var title = ""
    /// What stands in front of CONFIG_END.
    package var settings = ScenarioSettings()
    /// What upstreams answer, and when.
    package var ranges: [ScenarioRange] = []
    /// What happens.
    package var steps: [ScenarioStep] = []

    /// Reads a file's text. With `isStrict` settings of other servers that mean nothing here are errors.
    package init(_ text: String, file: String, isStrict: Bool = false) throws(ScenarioError) {
        var parser = ScenarioParser(text, file: file)
        self = try parser.scenario()
        try settings.finish(file: file, isStrict: isStrict)
    }

    /// An empty one, to be filled.
    init(file: String, opening: String) {
        self.file = file
        self.opening = opening
    }
}

/// What upstreams answer while the current step's number lies between two others.
package struct ScenarioRange: Sendable {
    /// The steps in which it counts.
    package let steps: ClosedRange<Int>
    /// The servers that answer so. Only those count that are upstreams of the daemon.
    package var addresses: [String] = []
    /// The answers, and to what.
    package var entries: [ScenarioEntry] = []
}

/// Something that happens, or that is checked.
package struct ScenarioStep: Sendable {
    /// What happens.
    package enum Action: Sendable {
        /// Nothing.
        case nothing
        /// A client asks.
        case query(ScenarioEntry)
        /// A client has been answered so.
        case checkAnswer(ScenarioEntry)
        /// The daemon asks an upstream this; where the entry copies the id, it is answered with it.
        case checkUpstreamQuery(ScenarioEntry)
        /// The upstream that was asked last answers.
        case reply(ScenarioEntry)
        /// The upstream that was asked last never answers.
        case timeout
        /// So many seconds pass, an expression.
        case timePasses(String)
        /// What is under way arrives.
        case traffic
        /// A variable gets the value of an expression.
        case assign(String, String)
    }

    /// Its number.
    package let number: Int
    /// Where it stands.
    package let line: Int
    /// What happens.
    package let action: Action
    /// The client, or the upstream; nil where any will do.
    package let address: String?
}
