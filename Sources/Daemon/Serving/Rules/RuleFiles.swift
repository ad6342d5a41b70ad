internal import Green
internal import GreenHTTP
internal import NameRules
internal import Resolver

/// The rules of a configuration, read from files alone: its lists, kept copies of downloads included. No daemon and no network is
/// asked.
struct RuleFiles {
    /// What the rules are.
    let content: RuleBook.Content
    /// The lists as they were read.
    let lists: [LoadedList]
    /// The files of the machine.
    let access: any FileAccess
    /// Why the rules that were given to the daemon are not among them, where their file cannot be read.
    private let ownProblem: String?
    /// When they were read: seconds since 1970.
    let readAt: Int64

    /// Reads them as a daemon would that starts now: `isWhole` with the rules that one was given, and with the addresses of clients
    /// that are known by hardware addresses. Blocks.
    init(_ rules: RuleSettings, isWhole: Bool) throws {
        let loop = LibeventLoop()
        access = loop.files
        readAt = loop.wallTime() / 1_000_000_000
        let loader = ListLoader(
            key: RuleKey(seed: loop.random()), access: access, now: loop.wallTime(), uptime: Int64(clamping: loop.bootTime()))
        lists = loader.refreshed([], rules) ?? []
        var own = OwnRules()
        var neighbours = Neighbours()
        var ownProblem: String?
        if isWhole {
            do throws(SocketError) {
                own = try OwnRules.kept(rules.ownRulesPath, access) ?? own
            } catch {
                ownProblem = "\(OwnRules.listName): \(rules.ownRulesPath): \(error.reason)"
            }
            _ = own.expire(at: readAt)
            if !rules.machines.isEmpty {
                neighbours.look(for: rules.machines, access, messages: { Neighbours.messages() })
            }
        }
        self.ownProblem = ownProblem
        content = rules.content(
            lists: try loader.ruleSet(of: lists, and: own, number: 1), hasOwn: !own.rules.isEmpty, neighbours: neighbours,
            at: readAt)
    }

    /// A line for each file that cannot be read.
    var problems: [String] {
        lists.flatMap { list in list.problems.map { "lists.\(list.settings.name): \($0)" } } + (ownProblem.map { [$0] } ?? [])
    }

    /// What the rules do with a name, and which line says so. Blocks.
    func answer(_ question: RuleQuestion) -> RuleExplanation {
        RuleExplanation(question, content, lists, access, at: readAt)
    }
}

/// A question about rules that cannot be answered as it is.
package struct RuleQuestionFault: Error, CustomStringConvertible {
    /// Why.
    package let description: String
}

extension Settings {
    /// What the rules of these settings do with a name, for programs or for people, as a daemon that runs by them answers
    /// `GET /v1/rules/test`; and a line for each list that cannot be read. Blocks.
    package func ruleTest(
        _ parameters: [String: String], json: Bool
    ) throws -> (answer: [UInt8], problems: [String]) {
        let question: RuleQuestion
        do throws(HTTPError) {
            question = try RuleQuestion(ControlParameters(parameters))
        } catch {
            throw RuleQuestionFault(description: "\(error)")
        }
        let files = try RuleFiles(rules, isWhole: true)
        let found = files.answer(question)
        return (found.bytes(question.name, json ? .json : .text), files.problems)
    }

    /// Reads the lists and tries the tests of the configuration: a line for each that fails. Blocks.
    package func failedRuleTests() throws -> [String] {
        guard !rules.tests.isEmpty else { return [] }
        let files = try RuleFiles(rules, isWhole: false)
        return files.problems
            + rules.tests.enumerated().compactMap { index, test in
                let found = RuleExplanation(files.content, test.name, client: test.client, at: test.at ?? files.readAt)
                guard found.outcome != test.expect else { return nil }
                let reason = found.list.map { " (list \($0))" } ?? ""
                return "tests[\(index)]: \(test.name): \(found.outcome.rawValue)\(reason), expected \(test.expect.rawValue)"
            }
    }
}
