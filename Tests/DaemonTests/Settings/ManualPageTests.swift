import Foundation
import TestSupport
import Testing

@testable import Daemon

/// vireo.yaml(5), which is written from the table of settings.
@Suite struct ManualPageTests {
    /// The page in the source tree.
    private static let path = SourceTree.file("packaging/man/vireo.yaml.5")

    /// The page as it should be.
    private static var page: String {
        var page = ManualPage("vireo.yaml", section: 5, "settings of the caching DNS server vireo")
        page.heading("Description")
        page.paragraph(
            """
            `/etc/vireo/vireo.yaml` says how `vireo`(8) serves. It is YAML; every key may be left out, and then holds the default \
            that is named here. Options of the command line replace what the file says.
            """)
        page.paragraph(
            """
            `vireo check` judges a file; `vireo reload`, `systemctl reload vireo` or SIGHUP has a running daemon read it again. \
            What is wrong is said with file, line and key, and changes nothing. `vireo config` shows what is in force.
            """)
        page.paragraph("A file that holds a password should be readable by root and by the group vireo only (mode 0640).")
        page.heading("Keys")
        add(Settings.table.entries(of: Settings()), to: &page)
        page.heading("Examples")
        page.paragraph("A server for a network, which asks two resolvers over TLS:")
        page.example([
            "listen: [\"0.0.0.0:53\", \"[::]:53\"]", "upstreams:", "  - tls://192.0.2.1#dns.example",
            "  - tls://192.0.2.2#dns.example", "cache:", "  size: 256MiB", "  snapshot: /var/cache/vireo/cache.snapshot",
        ])
        page.heading("See also")
        page.paragraph("`vireo`(8), `vireo-cache`(1)")
        return page.text
    }

    /// Describes keys, and those below them.
    private static func add(_ entries: [SettingEntry], to page: inout ManualPage) {
        for entry in entries {
            page.item(entry.name, facts(entry))
            if !entry.members.isEmpty { page.nested { add(entry.members, to: &$0) } }
        }
    }

    /// What there is to say of a key, in lines.
    private static func facts(_ entry: SettingEntry) -> [String] {
        var lines = [entry.facts.summary + (entry.facts.needsRestart ? " Changes with a restart only." : "")]
        guard let expected = entry.expected else { return lines }
        lines.append("Takes: " + expected + ".")
        if let example = entry.facts.example {
            lines.append("Example: `\(example)`")
        } else if let value = entry.value, !value.isEmpty {
            lines.append("Default: `\(value)`")
        }
        return lines
    }

    @Test func `the page is what the table of settings says`() throws {
        if ProcessInfo.processInfo.environment["VIREO_WRITE_EXAMPLE"] != nil {
            try Self.page.write(to: Self.path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: Self.path, encoding: .utf8) == Self.page, "run make man")
    }

    @Test func `every key is described, those of forwarded domains, lists and groups too`() {
        for name in ["listen", "redis", "domain", "from", "schedule", "session\\-secret", "no\\-cache"] {
            #expect(Self.page.contains("\n.TP\n\\fB\(name)\\fR\n"), "\(name)")
        }
    }

    @Test func `text stays text, whatever it begins with`() {
        var page = ManualPage("a", section: 1, "b")
        page.paragraph(".SH no")
        page.paragraph("'tis \\fB `-x` ü")
        page.example([".br", "'"])
        for line in ["\\&.SH no", "\\(aqtis \\efB \\fB\\-x\\fR \\[u00FC]", "\\&.br", "\\(aq"] {
            #expect(page.text.contains("\n\(line)\n"), "\(page.text)")
        }
    }
}
