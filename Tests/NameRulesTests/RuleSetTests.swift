import DNSWire
import NaiveRules
import NameRules
import Testing

@Suite struct RuleSetTests {
    @Test func `a rule for a name alone is about no other`() throws {
        let set = try RuleSet.of([("ads.example.com", Rule(.exact))])
        #expect(set.verdicts("ads.example.com").denied == 1)
        for other in ["example.com", "x.ads.example.com", "ads.example.org", "bads.example.com", "com", "."] {
            #expect(set.verdicts(other).isEmpty)
        }
    }

    @Test func `a rule for a name and all below holds for each depth`() throws {
        let set = try RuleSet.of([("ads.example.com", Rule(.suffix))])
        for name in ["ads.example.com", "x.ads.example.com", "a.b.c.ads.example.com"] {
            #expect(set.verdicts(name).denied == 1)
        }
        for other in ["example.com", "xads.example.com", "ads.example.com.org"] { #expect(set.verdicts(other).isEmpty) }
    }

    @Test func `a rule for all below a name leaves the name itself alone`() throws {
        let set = try RuleSet.of([("example.com", Rule(.below))])
        #expect(set.verdicts("x.example.com").denied == 1)
        #expect(set.verdicts("example.com").isEmpty)
    }

    @Test func `a rule for the root is about all names`() throws {
        let set = try RuleSet.of([(".", Rule(.suffix))], [("com", Rule(.suffix, isAllow: true))])
        #expect(set.verdicts(".").denied == 1)
        #expect(set.verdicts("www.example.org").denied == 1)
        #expect(set.verdicts("www.example.com").allowed == 2)
    }

    @Test func `each list says its own`() throws {
        let set = try RuleSet.of(
            [("a.example", Rule(.suffix))], [("a.example", Rule(.suffix, isAllow: true))],
            [("www.a.example", Rule(.exact, isImportant: true)), ("example", Rule(.below, isAllow: true, isImportant: true))])
        let verdicts = set.verdicts("www.a.example")
        #expect(verdicts.denied == 1 && verdicts.allowed == 2)
        #expect(verdicts.deniedImportantly == 4 && verdicts.allowedImportantly == 4)
        #expect(set.matches("www.a.example").map(\.labelCount) == [1, 2, 2, 3])
        #expect(set.number == 7)
    }

    @Test func `names of the greatest length and of any bytes are found`() throws {
        let labels = (0..<127).map { [UInt8(truncatingIfNeeded: $0 * 2)] }
        let deep = try Name(labels: labels).lowercased
        let wild = try Name(labels: [[UInt8](repeating: 0xFF, count: 63), [0, 46, 255], Array("com".utf8)])
        let long = try Name(
            labels: Array(repeating: [UInt8](repeating: 1, count: 63), count: 3) + [[UInt8](repeating: 2, count: 61)])
        var builder = RuleTableBuilder(key: RuleKey(seed: 3))
        for name in [deep, wild, long] { #expect(builder.add(name, Rule(.exact)) == .added) }
        var sets = try RuleSetBuilder([builder.finish()], number: 1)
        let set = sets.finish()
        for name in [deep, wild, long] {
            #expect(set.verdicts(of: FixedName(name).span).denied == 1)
            #expect(set.verdicts(of: FixedName(name.parent!).span).isEmpty)
        }
    }

    @Test func `what is no name has no verdict and does no harm`() throws {
        let set = try RuleSet.of([("example", Rule(.suffix)), (".", Rule(.below))])
        var random = SeededGenerator(state: 5)
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.next() & random.next()) }
            _ = set.verdicts(of: bytes.span)
        }
    }

    @Test func `exceptions of a rule are not denied`() throws {
        let rule = Rule(.suffix, exceptions: [Name("good.com")!, Name("a.fine.com")!])
        let set = try RuleSet.of([("com", rule)])
        #expect(set.verdicts("bad.com").denied == 1 && set.verdicts("fine.com").denied == 1)
        for name in ["good.com", "x.good.com", "a.fine.com", "b.a.fine.com"] { #expect(set.verdicts(name).isEmpty) }
    }

    @Test func `a rule that comes twice is kept once, and different rules of a name side by side`() throws {
        var builder = RuleTableBuilder(key: RuleKey(seed: 9))
        for _ in 0..<3 {
            for rule in [Rule(.exact), Rule(.suffix, isAllow: true), Rule(.exact, action: .nodata)] {
                _ = builder.add(Name("a.example")!, rule)
            }
        }
        let table = builder.finish()
        #expect(table.ruleCount == 3)
        var sets = try RuleSetBuilder([table], number: 1)
        let verdicts = sets.finish().verdicts("a.example")
        #expect(verdicts.denied == 1 && verdicts.allowed == 1 && verdicts.special == 1)
    }

    @Test func `tables of different keys are not put together`() {
        var one = RuleTableBuilder(key: RuleKey(seed: 1))
        var two = RuleTableBuilder(key: RuleKey(seed: 2))
        let tables = [one.finish(), two.finish()]
        #expect(throws: RuleSetBuilder.Fault.differentKeys) { _ = try RuleSetBuilder(tables, number: 1) }
        let many = Array(repeating: tables[0], count: 65)
        #expect(throws: RuleSetBuilder.Fault.tooManyLists) { _ = try RuleSetBuilder(many, number: 1) }
    }
}
