import Foundation

/// Zones on which name servers are compared: aliases within and over zones, by CNAME and by DNAME, of each label length from
/// 1 to 60, and whatever else a server compresses, expands, cuts or proves. Two of them are signed, with NSEC and NSEC3.
final class PeerZones: Sendable {
    /// The zones that are served.
    static let names = ["agree.example.", "other.example.", "signed.example.", "hashed.example."]
    /// The lengths of the labels that stand before each kind of alias.
    static let labelLengths = 1...60
    /// The sizes of the TXT records, in strings of 100 bytes.
    static let textStrings = [1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 15, 20, 39, 40, 41, 80, 160]

    /// Where the files are.
    let directory: TestDirectory

    /// Writes the zones, and signs two of them.
    init() throws {
        directory = try TestDirectory()
        for zone in Self.names { try directory.write(Self.text(of: zone), to: "\(zone)zone") }
        try sign("signed.example.", [])
        try sign("hashed.example.", ["-3", "ABCDEF01"])
    }

    /// The file of a zone.
    func file(of zone: String) -> String {
        directory.file(zone.hasPrefix("signed.") || zone.hasPrefix("hashed.") ? "\(zone)signed" : "\(zone)zone")
    }

    /// A label of so many letters, in letters of both cases.
    static func label(_ length: Int) -> String {
        String((0..<length).map { Character(UnicodeScalar(($0 % 3 == length % 2 ? 65 : 97) + UInt8((length + $0) % 26))) })
    }

    /// The text of a zone.
    private static func text(of zone: String) -> String {
        var lines = ["$ORIGIN \(zone)", "$TTL 3600"]
        lines += [
            "@ SOA ns.agree.example. Host-Master.Agree.example. 2026010101 7200 3600 1209600 600", "@ NS ns.agree.example.",
        ]
        lines += ["@ NS NS.\(zone)", "ns A 192.0.2.1", "ns AAAA 2001:db8::1", "web A 192.0.2.2", "web A 192.0.2.3"]
        lines += ["web AAAA 2001:db8::2", "web TXT \"web\""]
        let target = ["agree.example.": "other.example.", "signed.example.": "hashed.example."][zone] ?? "agree.example."
        lines += aliases(to: target) + plain(zone, target) + texts()
        return lines.joined(separator: "\n") + "\n"
    }

    /// Aliases of each label length: within the zone, over zones, below DNAMEs that lead within, over zones, and to aliases.
    private static func aliases(to other: String) -> [String] {
        var lines = ["dn DNAME Tree.\(other)", "din DNAME tree", "twice DNAME din", "DeeP.under.a DNAME wild"]
        lines += ["long DNAME \(label(60)).\(label(59)).\(label(58)).wild"]
        for length in labelLengths {
            let name = label(length)
            // Over to the other zone, whose name of that length has data.
            lines += ["\(name).over CNAME \(label(61 - length)).data.\(other)", "\(name).in CNAME \(label(61 - length)).data"]
            lines += ["\(name).data A 192.0.2.\(length)", "\(name).data TXT \"\(name)\""]
            // The target of DNAMEs: an alias once more, back over zones for every other length.
            lines.append("\(name).tree CNAME \(length % 2 == 0 ? "\(name).data" : "\(name).DATA.\(other)")")
        }
        lines += (1...8).map { "chain\($0) CNAME Chain\($0 + 1)\($0 % 3 == 0 ? ".\(other)" : "")" } + ["chain9 CNAME web"]
        return lines
    }

    /// Names in the data of other types, wildcards, empty non-terminals, and names that share their ends by case alone.
    private static func plain(_ zone: String, _ other: String) -> [String] {
        var lines = ["mx MX 10 Mail.a.B.\(zone)", "mx MX 20 mail.A.b.\(other)", "mx MX 30 WEB", "null MX 0 ."]
        lines += (1...12).map { "_sip._tcp SRV \($0) 60 506\($0 % 10) Host\($0).SRV.\($0 % 2 == 0 ? zone : other)" }
        lines += [
            "naptr NAPTR 100 50 \"s\" \"SIP+D2U\" \"\" _sip._TCP", "naptr NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:i@x!\" .",
        ]
        lines += ["svc SVCB 1 Web.\(other) alpn=h2,h3 port=8443 ipv4hint=192.0.2.2", "svc SVCB 0 WEB", "https HTTPS 1 . alpn=h2"]
        lines += [
            "ptr PTR Some.Name.\(zone)", "ptr PTR some.name.\(other)", "rp RP who.\(zone) TXT1", "caa CAA 0 issue \"ca.test\"",
        ]
        lines += ["*.wild A 192.0.2.77", "*.wild TXT \"wild\"", "*.wildalias CNAME Web", "*.wildover CNAME x.wild.\(other)"]
        lines += ["a.b.c.empty A 192.0.2.9", "Upper.CASE CNAME uPPER.case.UPPER.case", "uPPER.case.UPPER.case A 192.0.2.8"]
        lines += ["Same.same.SAME CNAME SAME.same.x.same", "same.SAME.x.SAME CNAME web.\(zone)", "tonone CNAME no.such.name"]
        lines += ["tonone2 CNAME tonone.\(other)", "todata CNAME web", "toempty CNAME c.empty", "under_score A 192.0.2.6"]
        lines += [
            "weird\\.dot CNAME w\\.d.WEB2", "w\\.d.web2 A 192.0.2.5", "high\\200\\255 CNAME \\200\\255high",
            "\\200\\255high A 192.0.2.4",
        ]
        return lines + (1...90).map { "many A 198.51.100.\($0)" }
    }

    /// TXT records of many sizes, up to more than UDP takes.
    private static func texts() -> [String] {
        let string = "\"\(String(repeating: "0123456789", count: 10))\""
        var lines = textStrings.map { "txt\($0) TXT \(Array(repeating: string, count: $0).joined(separator: " "))" }
        lines += ["txt0 TXT \"\"", "totxt CNAME txt41", "unknown TYPE65280 \\# 4 DEADBEEF", "nothing TYPE65281 \\# 0"]
        return lines
    }

    /// Signs a zone with keys of its own.
    private func sign(_ zone: String, _ options: [String]) throws {
        for flags in [["-f", "KSK"], []] {
            try run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", directory.path] + flags + [zone])
        }
        let names = ["-o", zone, "-K", directory.path, "-d", directory.path, "-f", directory.file("\(zone)signed")]
        try run(["dnssec-signzone", "-q", "-S", "-n", "1"] + options + names + [directory.file("\(zone)zone")])
    }

    /// Runs a tool that has to succeed.
    private func run(_ arguments: [String]) throws {
        let tool = try Tool(arguments, environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"])
        guard tool.exit == .code(0) else { throw PeerFailure(what: "\(arguments): \(tool.exit) \(tool.errors) \(tool.output)") }
    }
}

/// A tool of a name server that did not do what it should.
struct PeerFailure: Error, CustomStringConvertible {
    let what: String
    var description: String { what }
}
