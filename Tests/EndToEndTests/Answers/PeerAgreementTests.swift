import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Vireo in front of name servers of several makers, against each of them itself.
    @Suite struct PeerAgreementTests {
        /// The questions about one of the zones: every kind of alias at every label length, and each name that is odd in itself.
        private static func questions(_ zone: String) -> [(name: String, type: RecordType)] {
            var items: [(String, RecordType)] = []
            for length in PeerZones.labelLengths {
                let label = PeerZones.label(length)
                items += [("\(label).dn", .a), ("\(label).over", length % 2 == 0 ? .a : .txt)]
                if length % 3 == 0 { items += [("\(label).din", .txt), ("\(label).in", .a), ("\(label).wildover", .a)] }
                if length % 5 == 0 { items += [("\(label).twice", .a), ("\(label).wildalias", .aaaa), ("\(label).dn", .mx)] }
                if length % 7 == 0 { items += [("\(label).dn", .cname), ("\(label).wild", .txt), ("\(label).no.dn", .a)] }
            }
            items += PeerZones.textStrings.map { ("txt\($0)", .txt) } + (1...9).map { ("chain\($0)", .a) }
            items += [("txt0", .txt), ("totxt", .txt), ("totxt", .a), ("many", .a), ("unknown", RecordType(rawValue: 65_280))]
            items += [("nothing", RecordType(rawValue: 65_281)), ("mx", .mx), ("null", .mx), ("_sip._tcp", .srv)]
            items += [("naptr", .naptr), ("svc", .svcb), ("https", .https), ("ptr", .ptr), ("rp", .rp), ("caa", .caa)]
            items += [
                ("upper.case", .a), ("same.same.same", .a), ("tonone", .a), ("tonone2", .a), ("todata", .a), ("todata", .mx),
            ]
            items += [("toempty", .a), ("c.empty", .a), ("b.c.empty", .txt), ("empty", .aaaa), ("a.b.c.empty", .a), ("tree", .a)]
            items += [("dn", .dname), ("dn", .a), ("x.deep.under.a", .a), ("under.a", .a), ("x.long", .a), ("under_score", .a)]
            items += [("\(PeerZones.label(60)).\(PeerZones.label(40)).long", .a), ("weird\\.dot", .a), ("high\\200\\255", .a)]
            items += (1...12).map { ("no\($0)", $0 % 2 == 0 ? .a : .srv) } + (1...8).map { ("x\($0).web", .a) }
            let own = items.map { ("\($0.0).\(zone)", $0.1) }
            return own + [RecordType.soa, .ns, .a, .txt, .dnskey, .mx].map { (zone, $0) } + [("web.\(zone)", .ds)]
        }

        /// The server's own answer. One that serves only zones does not go from one to the next: then it is asked for the name
        /// where its aliases end, as a resolver does it, and both are one answer.
        private static func answer(of server: PeerServer, to query: Message) throws -> (whole: Message, overTCP: Bool) {
            var whole = try server.client.ask(query)
            let isCut = whole.flags.isTruncated
            if isCut { whole = try server.client.ask(query, over: .tcp) }
            let type = query.questions[0].type
            for _ in 0..<12 {
                guard whole.responseCode == .noError, type != .cname, !whole.authorities.contains(where: { $0.type == .soa })
                else { break }
                let end = end(of: query.questions[0].name, in: whole)
                guard end != query.questions[0].name, !whole.answers.contains(where: { $0.owner == end && $0.type == type })
                else { break }
                let next = try server.client.askFully(.query("\(end)", type, edns: query.edns))
                let before = whole
                whole = next
                whole.answers = before.answers + next.answers.filter { !before.answers.contains($0) }
            }
            return (whole, isCut)
        }

        /// Where the aliases of a name end.
        private static func end(of name: Name, in message: Message) -> Name {
            var name = name
            for _ in 0..<20 {
                guard let alias = message.answers.first(where: { $0.owner == name && $0.type == .cname }),
                    case .cname(let data) = alias.data
                else { break }
                name = data.target
            }
            return name
        }

        /// What of a server's reply is the answer: of the authority section the SOA of a negative one and the proofs.
        ///
        /// An alias that is asked for as such is an answer, from which PowerDNS goes on. To YXDOMAIN belongs its DNAME; Knot adds
        /// data, with its proof, of the name that the DNAME itself leads to, which nobody asked for.
        private static func answerAlone(_ reply: Message) -> Message {
            var reply = reply
            let question = reply.questions[0]
            let isTooLong = reply.responseCode == .yxDomain
            reply.answers.removeAll { record in
                guard isTooLong || question.type == .cname else { return false }
                if case .rrsig(let data) = record.data, data.typeCovered == .dname { return false }
                return record.type != .dname && (isTooLong || record.owner != question.name)
            }
            let isNegative = reply.authorities.contains { $0.type == .soa }
            reply.authorities.removeAll { record in
                switch record.data {
                case _ where isTooLong: true
                case .nsec, .nsec3, .soa: false
                case .rrsig(let data): !(isNegative || data.typeCovered == .nsec || data.typeCovered == .nsec3)
                default: true
                }
            }
            return once(reply)
        }

        /// A reply with each record once: unbound repeats the DNAME of YXDOMAIN with its signature.
        private static func once(_ reply: Message) -> Message {
            guard reply.responseCode == .yxDomain else { return reply }
            var reply = reply
            var seen = Set<ResourceRecord>()
            reply.answers.removeAll { !seen.insert($0).inserted }
            return reply
        }

        /// A number of comparisons, and what differed in them.
        private struct Tally {
            var compared = 0
            var overTCP = 0
            var answers = 0
            var complaints: [String] = []
        }

        /// Asks a server and Vireo in front of it, twice, with DO and without.
        private static func compare(_ server: PeerServer, _ items: [(name: String, type: RecordType)]) throws -> Tally {
            let vireo = try VireoServer(upstreams: [server.address])
            var random = SeededNumbers(seed: 11)
            var tally = Tally()
            for item in items.shuffled(using: &random) {
                for edns in [nil, EDNS(dnssecOK: true)] {
                    let expected = try answer(of: server, to: .query(item.name, item.type, edns: edns))
                    tally.overTCP += expected.overTCP ? 1 : 0
                    tally.answers += expected.whole.answers.isEmpty ? 0 : 1
                    for round in ["first", "second"] {
                        let query = Message.query(AgreementTests.mixed(item.name, &random), item.type, edns: edns)
                        let fault: String?
                        do {
                            let own = try vireo.client.askFully(query)
                            fault = AgreementTests.disagreement(
                                once(own), answerAlone(expected.whole), query: query, withAuthority: true)
                        } catch {
                            fault = "\(error)"
                        }
                        tally.compared += 1
                        if let fault {
                            tally.complaints.append(
                                "\(server.kind.rawValue), \(round), \(query.questions) DO \(edns != nil): \(fault)")
                        }
                    }
                }
            }
            return tally
        }

        @Test func `names and answers are those that BIND, Knot, PowerDNS and unbound give themselves, in thousands of them`()
            throws
        {
            let zones = try PeerZones()
            let bind = try PeerServer(.bind, zones)
            var compared = 0
            for kind in PeerServer.Kind.allCases {
                let server = kind == .bind ? bind : try PeerServer(kind, zones, authority: bind.port)
                var items = PeerZones.names.flatMap(Self.questions)
                if kind == .unbound { items += PeerServer.localNames }
                let tally = try Self.compare(server, items)
                compared += tally.compared
                #expect(tally.overTCP >= 10, "\(kind.rawValue): answers that UDP is too small for")
                #expect(tally.answers >= items.count, "\(kind.rawValue): answers that are positive")
                let few = tally.complaints.prefix(8).joined(separator: "\n")
                #expect(tally.complaints.isEmpty, "\(kind.rawValue): \(tally.complaints.count) of \(tally.compared): \(few)")
            }
            #expect(compared >= 5_000)
        }
    }
}
