import DNSWire
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
        ("private-addresses: maybe", "expected allow, refuse"),
        ("tests: [{name: a.example, expect: yes}]", "expected block, pass"),
        ("tests: [{name: a.example, at: noon, expect: pass}]", "expected a time"),
    ])
    func `what cannot be is refused with its place and what was expected`(_ yaml: String, _ problem: String) {
        #expect(complaint(yaml).contains(problem), "\(complaint(yaml))")
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
