import Scenarios
import Testing

/// What is wrong with a file is said with its line, and with what was expected.
@Suite struct FileFaultTests {
    private static let entry = "ENTRY_BEGIN\nENTRY_END\n"

    /// A file, the line that is wrong, and a part of what is said of it.
    private static let table: [(String, Int, String)] = [
        ("", 1, "expected CONFIG_END"), ("CONFIG_END\n", 2, "expected SCENARIO_BEGIN"),
        ("nonsense\nCONFIG_END\n", 1, "expected a setting"), ("vireo:\n  a: b\nvireo:\nCONFIG_END\n", 3, "a second time"),
        ("TEMPFILE_CONTENTS\nCONFIG_END\n", 1, "expected a path"), ("TEMPFILE_CONTENTS a\nx\n", 3, "expected TEMPFILE_END"),
        ("CONFIG_END\nSCENARIO_BEGIN x\n", 3, "expected SCENARIO_END"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 1\n", 3, "the number of the first and of the last step"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 5 1\n", 3, "the number of the first and of the last step"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 1 2\nSTEP\n", 4, "expected ADDRESS, ENTRY_BEGIN or RANGE_END"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 1 2\n", 4, "expected RANGE_END"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nRANGE_END\n", 3, "expected RANGE_BEGIN, STEP or SCENARIO_END"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP one QUERY\n", 3, "expected a number and what happens"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 DANCE\n", 3, "STEP 1 DANCE: expected QUERY"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 CHECK_AUTOTRUST k\n", 3, "no trust anchors are kept here"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 CHECK_TEMPFILE k\n", 3, "no zone files are written here"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 INFRA_RTT 1 . 5\n", 3, "measured, not set"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 ERROR\n", 3, "use TIMEOUT"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 TIME_PASSES\n", 3, "expected ELAPSE"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 ASSIGN a\n", 3, "expected a name, =, and an expression"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 QUERY\nSTEP 2 QUERY\n", 4, "expected the step's ENTRY_BEGIN"),
        ("CONFIG_END\nSCENARIO_BEGIN x\nSTEP 5 QUERY\n\(entry)STEP 5 NOTHING\n", 6, "a number above"),
    ]

    @Test(arguments: table.indices) func `a line that does not fit is named`(_ index: Int) {
        let (text, line, words) = Self.table[index]
        let error = #expect(throws: ScenarioError.self) { try Scenario(text, file: "x.rpl") }
        #expect(error?.line == line && error?.detail.contains(words) == true, "\(error as Any)")
        #expect(error?.description.hasPrefix("x.rpl:\(line): ") == true)
    }

    @Test(arguments: [
        ("MATCH qtipe", "MATCH qtipe: expected one of"), ("MATCH ede=x", "MATCH ede=x"), ("ADJUST copy", "ADJUST copy: expected"),
        ("ADJUST sleep=-1", "ADJUST sleep=-1"), ("REPLY QR OK", "REPLY OK: expected"), ("SECTION REST", "expected QUESTION"),
        ("SECTION QUESTION\nwww.example.", "NAME [CLASS] TYPE"),
        ("SECTION QUESTION\nwww.example. IN XX IN A", "NAME [CLASS] TYPE"),
        ("SECTION ANSWER\nwww.example. IN A 192.0.2", "NAME [TTL] [CLASS] TYPE DATA"),
        ("EDNS big", "EDNS big: expected size=BYTES"),
        ("EDNS version=300", "EDNS version=300"), ("HEX_ANSWER_BEGIN\nabc\nHEX_ANSWER_END", "two for each byte"),
        ("HEX_EDNSDATA_BEGIN\n000a0008\nHEX_EDNSDATA_END", "not whole options"), ("ENTRY_BEGIN", "expected ENTRY_END first"),
        ("$TTL x", "expected seconds"), ("$ORIGIN a..b", "expected a name"), ("HEX_ANSWER_BEGIN", "expected hexadecimal"),
    ]) func `a line of an entry that does not fit is named`(_ lines: String, _ words: String) {
        let error = #expect(throws: ScenarioError.self) { try EntryTests.entry(lines) }
        #expect(error?.detail.contains(words) == true, "\(error as Any)")
        #expect((error?.line ?? 0) >= 5)
    }

    /// The start of a file with settings of another server.
    private func settings(_ lines: String, isStrict: Bool = false) throws -> ScenarioSettings {
        try Scenario(lines + "\nCONFIG_END\nSCENARIO_BEGIN x\nSCENARIO_END\n", file: "x.rpl", isStrict: isStrict).settings
    }

    @Test func `settings of another server that mean something here are taken`() throws {
        let yaml = try settings(
            """
            server:
              cache-max-ttl: 60   # a comment
              serve-expired: yes
              serve-expired-ttl: 100
              serve-expired-client-timeout: 900
              minimal-responses: no
              access-control: 192.0.2.0/24 allow
              private-address: 10.0.0.0/8
              val-override-date: "20260101000000"
            forward-zone:
              name: "."
              forward-addr: 192.0.2.1@5353
            stub-zone:
              name: "corp.example"
              stub-addr: 192.0.2.2
            """
        )
        #expect(
            yaml.yaml == """
                cookies: "off"
                local-zones: {single-label: false}
                minimal-responses: false
                allow: ["192.0.2.0/24"]
                upstreams: ["192.0.2.1:5353"]
                forward: [{domain: "corp.example", upstreams: ["192.0.2.2"]}]
                cache: {max-ttl: 60, serve-stale: 100, stale-client-timeout: 900ms}
                private-addresses: refuse

                """)
        #expect(yaml.startTime == 1_767_225_600)
        #expect(yaml.hosts.map(\.address) == ["192.0.2.1", "192.0.2.2"] && yaml.hosts.map(\.port) == [5353, 53])
    }

    @Test func `a setting that means nothing here is counted, and is an error where that is asked for`() throws {
        let text = "server:\n  target-fetch-policy: \"0 0 0\"\n  frobnicate: yes\n"
        #expect(try settings(text).unknownKeys == ["frobnicate"])
        let error = #expect(throws: ScenarioError.self) { try settings(text, isStrict: true) }
        #expect(error?.line == 3 && error?.reason == "setting frobnicate")
    }

    @Test(arguments: [
        ("server:\n trust-anchor: \". DS 1 2 3 AB\"", "needs DNSSEC validation"),
        ("auth-zone:\n name: a.", "needs zones served from files"),
        ("server:\n module-config: \"respip validator iterator\"", "needs module respip"),
        ("AUTOTRUST_FILE a", "needs DNSSEC validation"),
        ("server:\n local-zone: a. static", "needs local zones of kind static"), ("COMMANDLINE -o x", "COMMANDLINE"),
    ]) func `a script that stands on what is not here is refused with the reason`(_ text: String, _ reason: String) {
        #expect(throws: ScenarioError.self) { try settings(text) }.map { #expect($0.reason == reason) }
    }

    @Test func `our own settings are YAML, with the usual upstream where they name none`() throws {
        let own = try settings("; Proves it.\n; More.\n\nvireo:\n  cache:\n    max-ttl: 5\n\n  minimal-responses: false\n")
        #expect(
            own.yaml.hasPrefix("cache:\n  max-ttl: 5\n\nminimal-responses: false\n")
                && own.yaml.hasSuffix("upstreams: [\"192.0.2.53\"]\n"))
        #expect(
            try settings("vireo:\n  upstreams: [192.0.2.1, \"[2001:db8::1]:53\"]\n").hosts.map(\.address) == [
                "192.0.2.1", "2001:db8::1",
            ])
    }
}
