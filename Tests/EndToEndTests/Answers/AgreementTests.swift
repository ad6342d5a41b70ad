import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Vireo in front of a real name server, against that name server itself.
    @Suite struct AgreementTests {
        /// A question of the comparison.
        struct Item {
            let name: String
            let type: RecordType
        }

        /// The types that are asked of names in the tests' own zones.
        private static let types: [RecordType] = [
            .a, .aaaa, .ns, .cname, .dname, .soa, .ptr, .mx, .txt, .srv, .naptr, .caa, .ds, .dnskey, .rrsig, .nsec,
            .tlsa, .sshfp, .svcb, .https, .hinfo, .rp, .loc, .afsdb, .kx, .cert,
            RecordType(rawValue: 99), RecordType(rawValue: 61), RecordType(rawValue: 65_280), RecordType(rawValue: 65_281),
        ]

        /// The owners in a zone file of the tests' own, as absolute names.
        private static func owners(_ zone: String) throws -> [String] {
            let text = try String(contentsOfFile: TestDirectory.resource("zones/\(zone)zone"), encoding: .utf8)
            let words = text.split(separator: "\n").compactMap { line in
                line.first.map { " ;$".contains($0) } == false ? line.split(separator: " ").first.map(String.init) : nil
            }
            var seen = Set<String>()
            return words.filter { seen.insert($0).inserted }.map { $0 == "@" ? zone : "\($0).\(zone)" }
        }

        /// The delegations of the root zone, in its order.
        private static func topLevelDomains() throws -> [(name: String, isSigned: Bool)] {
            let text = try String(contentsOfFile: TestDirectory.resource("root.zone"), encoding: .utf8)
            var names: [String] = []
            var known = Set<String>()
            var signed = Set<String>()
            for line in text.split(separator: "\n") {
                let fields = line.split { $0 == "\t" || $0 == " " }
                guard fields.count > 4, fields[0] != "." else { continue }
                let name = String(fields[0])
                if fields[3] == "NS", known.insert(name).inserted { names.append(name) }
                if fields[3] == "DS" { signed.insert(name) }
            }
            return names.map { ($0, signed.contains($0)) }
        }

        /// The questions: apex, DS, NODATA, NXDOMAIN, a few referrals, and every type in zones of the tests' own.
        private static func questions(_ random: inout SeededNumbers) throws -> [Item] {
            var items = Self.types.map { Item(name: ".", type: $0) }
            let domains = try topLevelDomains().shuffled(using: &random)
            items += domains.filter(\.isSigned).prefix(450).map { Item(name: $0.name, type: .ds) }
            items += domains.filter { !$0.isSigned }.prefix(120).map { Item(name: $0.name, type: .ds) }
            items += (0..<350).map { number in
                Item(name: "nx\(number)-\(UInt32.random(in: 0...9_999, using: &random)).", type: number % 2 == 0 ? .a : .aaaa)
            }
            items += (0..<50).map { Item(name: "a.b.nx\($0)-x.", type: .txt) }
            items += domains.prefix(100).map { Item(name: "www.\($0.name)", type: .a) }
            let zones = ["types.example.", "child.example."]
            for name in try zones.flatMap({ try owners($0) }) {
                items += Self.types.map { Item(name: name.replacing("*", with: "any"), type: $0) }
            }
            items += zones.flatMap { zone in (0..<20).map { Item(name: "no\($0).\(zone)", type: .a) } }
            items += ["y.dname.types.example.", "x.dname.types.example.", "x.y.wild.types.example.", "deep.er.types.example."]
                .map { Item(name: $0, type: .a) }
            return items.shuffled(using: &random)
        }

        /// A name with some of its letters in the other case.
        static func mixed(_ name: String, _ random: inout SeededNumbers) -> String {
            var isEscape = false
            return String(
                name.map { letter in
                    defer { isEscape = letter == "\\" }
                    guard !isEscape, letter.isASCII, letter.isLetter, Bool.random(using: &random) else { return letter }
                    return Character(letter.isLowercase ? letter.uppercased() : letter.lowercased())
                })
        }

        /// What the two replies differ in; nil when they agree. With an answer, the authority section is compared where that
        /// is said.
        static func disagreement(_ own: Message, _ theirs: Message, query: Message, withAuthority: Bool = false) -> String? {
            guard own.id == query.id, own.flags.isResponse, own.flags.recursionAvailable else { return "header" }
            guard "\(own.questions)" == "\(query.questions)" else { return "question: \(own.questions)" }
            guard own.responseCode == theirs.responseCode else {
                return "rcode \(own.responseCode), not \(theirs.responseCode); \(own.edns?.description ?? "")"
            }
            guard !own.flags.isTruncated, !own.flags.isAuthoritative else { return "flags \(own.flags)" }
            guard (own.edns == nil) == (query.edns == nil) else { return "OPT" }
            if let fault = difference(own.answers, theirs.answers) { return "answer: \(fault)" }
            // With an answer, the authority section only repeats who serves the zone; without one it is the answer.
            guard theirs.answers.isEmpty || withAuthority else { return nil }
            return difference(own.authorities, theirs.authorities).map { "authority: \($0)" }
        }

        /// What two sections differ in, apart from their order and TTLs that have counted down.
        private static func difference(_ own: [ResourceRecord], _ theirs: [ResourceRecord]) -> String? {
            func key(_ record: ResourceRecord) -> ResourceRecord {
                var record = record
                record.ttl = 0
                return record
            }
            let ttls = Dictionary(theirs.map { (key($0), $0.ttl) }, uniquingKeysWith: min)
            guard own.count == theirs.count, Set(own.map(key)) == Set(theirs.map(key)) else {
                return "\(own.map(\.description)) but \(theirs.map(\.description))"
            }
            return own.first { $0.ttl > ttls[key($0)] ?? 0 }.map { "TTL above: \($0)" }
        }

        @Test func `answers agree with the name server's own for thousands of questions, first and from the cache`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address], "local-zones: {single-label: false}")
            var random = SeededNumbers(seed: 20_170_821)
            let items = try Self.questions(&random)
            #expect(items.count >= 2_000)
            var complaints: [String] = []
            var referrals = 0
            for item in items {
                for edns in [nil, EDNS(dnssecOK: true)] {
                    let expected = try nsd.client.askFully(.query(item.name, item.type, edns: edns))
                    let isReferral = expected.answers.isEmpty && expected.authorities.contains { $0.type == .ns }
                    referrals += isReferral ? 1 : 0
                    for round in ["first", "second"] {
                        let query = Message.query(Self.mixed(item.name, &random), item.type, edns: edns)
                        let fault: String?
                        do {
                            fault = Self.disagreement(try vireo.client.askFully(query), expected, query: query)
                        } catch {
                            fault = "\(error)"
                        }
                        if let fault { complaints.append("\(round) \(query.questions) DO \(edns != nil): \(fault)") }
                    }
                }
            }
            #expect(referrals * 10 <= items.count * 2)
            #expect(
                complaints.isEmpty, "\(complaints.count) of \(items.count * 4): \(complaints.prefix(12).joined(separator: "\n"))")
        }
    }
}
