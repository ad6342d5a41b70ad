import AnswerCache
import DNSWire
import Foundation
import NameRules
import Resolver
import Testing

@testable import Daemon

/// Names by rule in the configuration: what is read, what is refused, and its tests.
@Suite struct RuleSettingsTests {
    @Test func `every key about names by rule reaches its setting`() throws {
        let rules = try read(
            """
            lists:
              ads: {from: ["/etc/vireo/lists/*.txt", /etc/vireo/more.txt]}
              work: {from: /etc/vireo/work.rpz, format: rpz}
            groups:
              - name: kids
                clients: ["192.0.2.64/26", "2001:db8::/64"]
                block: [ads, work]
                schedule: {work: "mon-fri 07:00-20:00, sat 09:00-12:00 14:00-18:00"}
                safe-search: true
                block-answer: nxdomain
                upstreams: ["192.0.2.53", "tls://192.0.2.54#kids.example"]
              - {name: default, block: [ads], allow: [work]}
            block-answer: "192.0.2.9 2001:db8::9"
            local: |
              $ORIGIN home.
              nas 300 IN A 192.0.2.10
              printer: nxdomain
            rewrite: [{from: old.example, to: new.example}]
            private-addresses: {except: [plex.direct]}
            tests: [{name: ads.example, client: 192.0.2.70, at: "2026-11-27 18:00", expect: block}, {name: ads.example, client: tv, expect: pass}]
            """
        ).rules
        #expect(rules.lists.map(\.name) == ["ads", "work"] && rules.lists[0].from.count == 2 && rules.lists[1].format == .rpz)
        let table = try rules.groupTable()
        #expect(table.groups.map(\.name) == ["kids", "default"] && table.groups[0].blocks == 3 && table.groups[1].allows == 2)
        #expect(
            table.groups[0].usesSafeSearch && table.groups[0].blockAnswer == .nxdomain && table.groups[0].schedules.count == 1)
        #expect(table.group(of: IPAddress("192.0.2.70")!) == 0 && table.group(of: IPAddress("192.0.2.1")!) == 1)
        #expect(rules.blockAnswer.settingText == "\"192.0.2.9 2001:db8::9\"")
        #expect(rules.privateAddresses.isRefused && rules.privateAddresses.exceptions.count == 1)
        #expect(rules.tests.first?.expect == .block && rules.tests.first?.at != nil)
        let content = rules.content(lists: RuleSet(), at: 0)
        #expect(content.local?.recordCount == 1 && content.rewrites.count == 1)
        #expect(
            content.upstreams.mapValues { $0.map { "\($0)" } } == [0: ["192.0.2.53:53", "tls://192.0.2.54:853#kids.example"]])
    }

    @Test func `groups that ask the same upstreams are one view, and a group alone needs no list`() throws {
        let settings = try read(
            """
            upstreams: [192.0.2.1]
            groups:
              - {name: a, clients: [192.0.2.64/26], upstreams: [192.0.2.53, 192.0.2.54]}
              - {name: b, clients: [192.0.2.128/26], upstreams: [192.0.2.54, 192.0.2.53]}
              - {name: c, clients: [192.0.2.200], upstreams: ["https://192.0.2.53/one"]}
              - {name: d, clients: [192.0.2.201], upstreams: ["https://192.0.2.53/two"]}
              - {name: e, clients: [192.0.2.202]}
            """)
        let book = RuleBook(settings.rules.content(lists: RuleSet(), at: 0), mark: 1, hits: ListHits())
        #expect(!book.content.isEmpty)
        var builder = PolicyBuilder()
        let policy = builder.policy(for: settings, hosts: nil, rules: book)
        #expect(policy.views.count == 3 && policy.groupViews.count == 5)
        #expect(policy.groupViews[0] == policy.groupViews[1] && Set(policy.groupViews).count == 4)
        #expect(policy.groupViews[4] == .general && policy.routes.count == 1)
        // What is shown of a view says nothing of whose account it is.
        let shown = ViewDirectory.shared.identity(of: policy.groupViews[2])?.text
        #expect(shown == ViewDirectory.shared.identity(of: policy.groupViews[3])?.text && shown?.contains("one") == false)
    }

    @Test(arguments: [
        ("any", true), ("ALL", true), ("local", true), ("default", true), ("192-0-2-1", true), ("2001-db8-0-1", true),
        ("525400123456", true), ("19216801", true), ("kid-tablet", false), ("tv", false), ("phone2", false), ("cafe", false),
        ("room-1-lamp", false), ("a-b-c", false),
    ])
    func `a client's name that looks like an address or a keyword is warned of`(_ name: String, _ isDoubtful: Bool) throws {
        let settings = try read("groups: [{name: default}, {name: kids, clients: [tablet, \"\(name)\"]}]")
        #expect(settings.warnings.contains { $0.hasPrefix("groups[1].clients: \"\(name.lowercased())\" is taken") } == isDoubtful)
        #expect(!settings.warnings.contains { $0.contains("tablet\" is taken") && name != "kid-tablet" })
    }

    @Test(arguments: ["192.0.2.0/33", "kid_tablet!", "192.0.2", "2001:db8::/129", "fe80::1%eth0", "kid tablet", "kid.lan", "*"])
    func `a client that cannot be a name is a mistake`(_ client: String) throws {
        #expect(complaint("groups: [{name: kids, clients: [\"\(client)\"]}]").contains("expected an address or a prefix"))
    }

    @Test func `there are 64 groups, and the 65th is refused with how many may be`() throws {
        func groups(_ count: Int) -> String {
            "groups:\n" + (0..<count).map { "  - {name: g\($0), clients: [192.0.2.\($0)]}\n" }.joined()
        }
        #expect(try read(groups(64)).rules.groupTable().groups.count == 64)
        #expect(complaint(groups(65)) == "vireo.yaml:2: groups: 65 groups; expected at most 64")
    }

    @Test(arguments: ["https://me:secret@lists.example/a.txt?token=secret", "ftp://me:secret@lists.example/?secret"])
    func `the refusal of a list's URL says nothing of whose account it is`(_ url: String) {
        let problem = complaint("lists: {ads: {from: \"\(url)\"}}")
        #expect(
            problem.contains("://lists.example/") && problem.contains("is no URL") && !problem.contains("secret"), "\(problem)")
    }

    @Test func `lists without groups hold for all`() throws {
        let rules = try read("lists: {ads: {from: /a}, more: {from: /b}}").rules
        let table = try rules.groupTable()
        #expect(table.groups.count == 1 && table.groups[0].blocks == 3 && table.defaultGroup == 0)
        #expect(try read("upstreams: [192.0.2.1]").rules.groupTable().groups.isEmpty)
    }

    @Test(arguments: [
        ("lists: [a]", "vireo.yaml:1: lists: a list is given; expected a mapping such as"),
        ("lists: {ads: {}}", "from is missing"),
        ("lists: {ads: {from: \"ftp://lists.example/a\"}}", "is no URL that lists are downloaded from"),
        ("lists: {ads: {form: /a}}", "did you mean from?"), ("lists: {ads: {from: /a, format: xml}}", "expected one of domains"),
        ("lists: {\"a b\": {from: /a}}", "no name for a list"),
        ("groups: [{name: a, clients: [192.0.2.1], block: [x]}]", "groups[0]: \"x\" is no list; expected a list under `lists`"),
        ("groups: [{name: a, block: []}]", "the list is empty"), ("groups: [{name: a}]", "clients is missing"),
        ("groups: [{name: a, clients: [kid.tablet]}]", "expected an address or a prefix"),
        ("groups: [{name: a, clients: 192.0.2.1}, {name: b, clients: 192.0.2.1/32}]", "is in another group, too"),
        ("groups: [{name: a, clients: [tv]}, {name: b, clients: [TV]}]", "is in another group, too"),
        ("groups: [{name: a, clients: 192.0.2.1}, {name: a, clients: 192.0.2.2}]", "stands there twice"),
        ("groups: [{name: a, clients: 192.0.2.1, schedule: {x: noon}}]", "expected days and times"),
        ("block-answer: none", "expected zero, nxdomain"), ("local: \"nas.home. IN A x\"", "line 1 cannot be read"),
        ("rewrite: [{from: a.example}]", "to is missing"), ("rewrite: [{from: a.example, to: A.example}]", "stands for itself"),
        ("local: |\n  x.home. A 192.0.2.1\n  a.home. CNAME A.home.", "line 2 is an alias that leads back to itself"),
        ("local: |\n  a.home. CNAME b.home.\n  b.home. CNAME a.home.", "line 1 is an alias that leads back to itself"),
        ("rewrite: [{from: a.test, to: b.test}, {from: b.test, to: A.test}]", "rewrite[0]: a.test. leads back to itself"),
        ("local: b.test. CNAME a.test.\nrewrite: [{from: a.test, to: b.test}]", "rewrite[0]: a.test. leads back to itself"),
        ("private-addresses: maybe", "expected allow, refuse"),
        ("tests: [{name: a.example, expect: yes}]", "expected block, pass"),
        ("tests: [{name: a.example, at: noon, expect: pass}]", "expected a time"),
    ])
    func `what cannot be is refused with its place and what was expected`(_ yaml: String, _ problem: String) {
        #expect(complaint(yaml).contains(problem), "\(complaint(yaml))")
    }

    @Test func `rewrites and aliases that end somewhere are none that lead back`() throws {
        let rules = try read(
            """
            local: "b.test. CNAME c.test.\\nd.test. A 192.0.2.1"
            rewrite: [{from: a.test, to: b.test}, {from: c.test, to: d.test}, {from: x.a.test, to: a.test}]
            """
        ).rules
        #expect(rules.rewrites.count == 3)
    }

    @Test func `names that stand for others one behind the other are refused where the resolver would not follow them`() throws {
        func rewrites(_ count: Int) -> String {
            "rewrite: [" + (0..<count).map { "{from: n\($0).test, to: n\($0 + 1).test}" }.joined(separator: ", ") + "]"
        }
        #expect(try read(rewrites(8)).rules.rewrites.count == 8)
        let problem = complaint(rewrites(9))
        #expect(problem.contains("rewrite[0]: n0.test. leads on over 9 names") && !problem.contains("rewrite[1]"), "\(problem)")
        // Over both kinds, wherever the way begins.
        #expect(try read("local: n8.test. A 192.0.2.1\n" + rewrites(8)).rules.rewrites.count == 8)
        let mixed = complaint("local: n8.test. CNAME end.test.\n" + rewrites(8))
        #expect(mixed.contains("rewrite[0]: n0.test. leads on over 9 names"))
        #expect(complaint("local: first.test. CNAME n0.test.\n" + rewrites(8)).contains("leads on over 9 names"))
        let local = "local: |\n" + (0..<9).map { "  n\($0).test. CNAME n\($0 + 1).test.\n" }.joined()
        #expect(complaint(local).contains("line 1 is an alias with too many behind it"))
    }

    @Test func `own rules that cannot be read are a problem that a test of rules tells, and none that are not there`() throws {
        let path = NSTemporaryDirectory() + "vireo-own-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let settings = try read("lists-directory: \(path)")
        #expect(try settings.ruleTest(["name": "bad.example"], json: false).problems.isEmpty)
        let file = path + "/own-rules"
        try "deny bad.example. never\n".write(toFile: file, atomically: true, encoding: .utf8)
        let (answer, problems) = try settings.ruleTest(["name": "bad.example"], json: false)
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("bad.example.: block") && problems.isEmpty)
        // One that not even root can read.
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createDirectory(atPath: file, withIntermediateDirectories: false)
        let told = try settings.ruleTest(["name": "bad.example"], json: false).problems
        #expect(told.count == 1 && told.allSatisfy { $0.hasPrefix("own rules: \(file): ") }, "\(told)")
    }

    @Test func `a record of a list answers as a denial by that list`() throws {
        let path = NSTemporaryDirectory() + "vireo-list-\(UUID().uuidString).txt"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "192.0.2.8 nas.example\n".write(toFile: path, atomically: true, encoding: .utf8)
        let settings = try read(
            """
            lists: {names: {from: "\(path)"}}
            tests: [{name: nas.example, expect: block}, {name: nas.example, expect: local}]
            """)
        #expect(try settings.failedRuleTests() == ["tests[1]: nas.example.: block (list names), expected local"])
    }

    @Test func `tests of a configuration that fail are told`() throws {
        let settings = try read(
            """
            local: "nas.home. IN A 192.0.2.1"
            rewrite: [{from: old.example, to: new.example}]
            tests:
              - {name: nas.home, expect: local}
              - {name: old.example, expect: local}
              - {name: www.example, expect: pass}
              - {name: www.example, expect: block}
            """)
        #expect(try settings.failedRuleTests() == ["tests[3]: www.example.: pass, expected block"])
    }
}
