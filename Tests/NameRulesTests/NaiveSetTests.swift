import DNSWire
import Foundation
import NameRules
import Testing

/// The compiled table beside a dictionary of strings: it says the same of every name, and nothing of names in no list.
@Suite struct NaiveSetTests {
    /// How many names are compared; `measure-rules 1000000 compared` compares a million.
    static let names = Int(ProcessInfo.processInfo.environment["VIREO_RULE_NAMES"] ?? "") ?? 20_000

    /// A list as a dictionary.
    struct NaiveList {
        /// The rules of each name, in wire form.
        var rules: [[UInt8]: Set<Rule>] = [:]

        /// Takes in what the list says of a name.
        func add(to verdicts: inout ListVerdicts, of wire: [UInt8], list: Int) {
            var start = 0
            while true {
                for rule in rules[Array(wire[start...])] ?? [] {
                    let isWhole = start == 0
                    guard rule.scope == .suffix || isWhole == (rule.scope == .exact) else { continue }
                    let bit: UInt64 = 1 << UInt64(list)
                    switch (rule.isAllow, rule.isImportant) {
                    case (false, false): verdicts.denied |= bit
                    case (true, false): verdicts.allowed |= bit
                    case (false, true): verdicts.deniedImportantly |= bit
                    case (true, true): verdicts.allowedImportantly |= bit
                    }
                    if !rule.isAllow, rule.action != .block { verdicts.special |= bit }
                }
                guard wire[start] > 0 else { return }
                start += Int(wire[start]) + 1
            }
        }
    }

    /// A name of few different labels, so that many are in lists, or of any bytes.
    static func wire(_ random: inout SeededGenerator) -> [UInt8] {
        let labels = ["a", "b", "ab", "www", "x-1", "ads", "example", "com", "net", "longer-label-of-a-name", "0"]
        var wire: [UInt8] = []
        // The root and top-level names hardly ever: their rules are about all others, and nothing else would be seen.
        for _ in 0..<(random.below(20_000) == 0 ? random.below(2) : 2 + random.below(5)) {
            var label = Array(labels[random.below(labels.count)].utf8)
            if random.below(2) == 0 { label += Array(String(random.below(100)).utf8) }
            if random.below(12) == 0 {
                label = (0..<random.below(62) + 1).map { _ in
                    let byte = UInt8(truncatingIfNeeded: random.next())
                    return byte &- 0x41 < 26 ? byte | 0x20 : byte
                }
            }
            guard wire.count + label.count + 2 <= 255 else { break }
            wire += [UInt8(label.count)] + label
        }
        return wire + [0]
    }

    /// A rule of any kind.
    static func rule(_ random: inout SeededGenerator) -> Rule {
        let scopes: [RuleScope] = [.exact, .suffix, .below]
        let actions: [RuleAction] = [.block, .block, .block, .nxdomain, .drop]
        let isAllow = random.below(4) == 0
        return Rule(
            scopes[random.below(3)], isAllow: isAllow, isImportant: random.below(6) == 0,
            action: isAllow ? .block : actions[random.below(actions.count)])
    }

    @Test func `the compiled tables say what sets of strings say, of every name`() throws {
        var random = SeededGenerator(state: 2026)
        let rounds = 20
        for round in 0..<rounds {
            var lists: [NaiveList] = []
            var tables: [RuleTable] = []
            var listed: [[UInt8]] = []
            for _ in 0..<random.below(4) + 1 {
                var list = NaiveList()
                var builder = RuleTableBuilder(key: RuleKey(seed: UInt64(round)))
                for _ in 0..<random.below(2) * 40 + random.below(Self.names / rounds / 4) {
                    let wire = Self.wire(&random)
                    let rule = Self.rule(&random)
                    if listed.count < 10_000 { listed.append(wire) }
                    list.rules[wire, default: []].insert(rule)
                    _ = builder.add(try Name(wire: wire), rule)
                }
                lists.append(list)
                let table = builder.finish()
                #expect(table.ruleCount == list.rules.values.reduce(0) { $0 + $1.count })
                tables.append(table)
            }
            var builder = try RuleSetBuilder(tables, number: 1)
            let set = builder.finish()
            for index in 0..<Self.names / rounds {
                var wire = Self.wire(&random)
                if index % 3 == 0, let known = listed.randomElement(using: &random), known.count < 240 {
                    wire = index % 2 == 0 ? known : [1, 0x7A] + known
                }
                var expected = ListVerdicts()
                for (number, list) in lists.enumerated() { list.add(to: &expected, of: wire, list: number) }
                let found = set.verdicts(of: wire.span)
                guard found == expected else {
                    Issue.record("round \(round): \(wire) has \(found), not \(expected)")
                    return
                }
            }
        }
    }
}
