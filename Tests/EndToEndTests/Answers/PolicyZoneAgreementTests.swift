import DNSWire
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Policy zones in Vireo, against the same in BIND before the same upstream.
    ///
    /// RCODE, TC and the answer are compared, first and from the cache. Not compared: the SOA record, which in BIND is the zone's, and
    /// extended errors, which BIND of this age has not. Not in the zones: triggers that Vireo counts as none (`rpz-client-ip`, for
    /// which it has groups; `rpz-nsdname` and `rpz-nsip`, for it meets no name servers). What is meant to differ stands in
    /// `PolicyDifference`s, each with its reason, and is compared with what is said there.
    @Suite struct PolicyZoneAgreementTests {
        /// What a server told, as far as it is compared.
        struct Told: Equatable, CustomStringConvertible {
            var code = ResponseCode.noError
            var isTruncated = false
            /// Without what stays of times to live that count down: those of the world, which are longer.
            var answers: [ResourceRecord] = []

            var description: String {
                let records = answers.map { $0.description.replacing("\t", with: " ") }
                return "\(code)\(isTruncated ? " TC" : "") \(records.joined(separator: ", "))"
            }

            /// The rcode, or the data where there is some.
            var short: String { answers.isEmpty ? "\(code)" : answers.map { "\($0.data)" }.joined(separator: " ") }

            /// Takes a reply; nil where there is none.
            init?(_ message: Message?) {
                guard let message else { return nil }
                (code, isTruncated) = (message.responseCode, message.flags.isTruncated)
                answers = message.answers
                // BIND tells all types for five seconds.
                let keepsTTL = message.questions.first?.type != .any
                for index in answers.indices where !keepsTTL || answers[index].ttl >= PolicyWorld.shortest {
                    answers[index].ttl = 0
                }
                sort()
            }

            private mutating func sort() { answers.sort { "\($0)".lowercased() < "\($1)".lowercased() } }

            /// What stands behind the world's aliases from a name on, told of that name: so Vireo tells what is denied for one of
            /// them. The aliases would have to be kept with what is denied, and say nothing that the client asked for.
            func behindAliases(of name: Name) -> Told {
                var told = self
                var owner = name
                while let index = told.answers.firstIndex(where: { $0.owner == owner && $0.type == .cname && $0.ttl == 0 }),
                    case .cname(let alias) = told.answers[index].data
                {
                    told.answers.remove(at: index)
                    owner = alias.target
                }
                told.answers.removeAll { $0.type == .dname && $0.ttl == 0 }
                for index in told.answers.indices where told.answers[index].owner == owner { told.answers[index].owner = name }
                told.sort()
                return told
            }
        }

        /// Asks both all questions; what they do not agree in.
        private func complaints(_ world: PolicyWorld, _ questions: [PolicyQuestion]) throws -> [String] {
            var theirs = try world.ask(world.bind.port, questions)
            var complaints: [String] = []
            var isDenied: [Bool] = []
            // As it comes, without OPT from what is kept, as it was told before, and with DO.
            for (round, edns) in [EDNS(), nil, EDNS(), EDNS(dnssecOK: true)].enumerated() {
                var own = try world.ask(world.vireo.port, questions, edns: edns)
                for (index, question) in questions.enumerated() where (own[index] == nil) != (theirs[index] == nil) {
                    // Whoever was silent alone may only have been slow, or what he sent was lost.
                    let query = Message.query(question.name, question.type, edns: edns)
                    if own[index] == nil { own[index] = try? world.vireo.client.ask(query, within: .seconds(1)) }
                    if theirs[index] == nil { theirs[index] = try? world.bind.client.ask(query, within: .seconds(1)) }
                }
                if round == 0 { isDenied = own.map { $0?.edns?.extendedError != nil } }
                for (index, question) in questions.enumerated() {
                    if let fault = fault(own[index], theirs[index], question, isDenied: isDenied[index]) {
                        complaints.append("\(round) \(question.name) \(question.type): \(fault)")
                    }
                }
            }
            // Over TCP what is for TCP alone.
            for (index, question) in questions.enumerated() where theirs[index]?.flags.isTruncated == true {
                let query = Message.query(question.name, question.type, edns: EDNS())
                let other = try world.bind.client.ask(query, over: .tcp)
                let own = try world.vireo.client.ask(query, over: .tcp)
                if let fault = fault(own, other, question, isDenied: false) {
                    complaints.append("TCP \(question.name) \(question.type): \(fault)")
                }
            }
            return complaints
        }

        /// What two replies differ in; nil where they agree.
        private func fault(_ own: Message?, _ theirs: Message?, _ question: PolicyQuestion, isDenied: Bool) -> String? {
            let (mine, other) = (Told(own), Told(theirs))
            if mine == other { return nil }
            // BIND asks the upstream whether there is such a name before it says to come back over TCP.
            if let mine, let other, mine.isTruncated, other.isTruncated, mine.answers == other.answers { return nil }
            if isDenied, mine == other?.behindAliases(of: Name(question.name)!) { return nil }
            return "\(mine?.description ?? "nothing"), not \(other?.description ?? "nothing")"
        }

        @Test(arguments: [false, true])
        func `each kind of rule does what it does in BIND, alone and with others, from files and by transfer`(
            _ transfers: Bool
        ) throws {
            let cases = PolicyZoneCases.byHand
            let world = try PolicyWorld(cases, transfers: transfers)
            let complaints = try complaints(world, cases.questions)
            #expect(complaints.isEmpty, "\(complaints.count): \(complaints.prefix(40).joined(separator: "\n"))")
            // Rules had a say in most of it.
            let plain = try world.ask(world.nsd.port, cases.questions).map(Told.init)
            let theirs = try world.ask(world.bind.port, cases.questions).map(Told.init)
            #expect(zip(plain, theirs).count { $0 != $1 } > cases.questions.count / 2)
            let questions = cases.differences.map(\.question)
            let (own, others) = (try world.ask(world.vireo.port, questions), try world.ask(world.bind.port, questions))
            for (index, difference) in cases.differences.enumerated() {
                let both = (Told(own[index])?.short ?? "nothing", Told(others[index])?.short ?? "nothing")
                let own = transfers && difference.isOfText ? difference.theirs : difference.own
                #expect(both == (own, difference.theirs), "\(questions[index].name): \(difference.reason)")
            }
        }

        @Test func `a hundred random domains have the answers that BIND has`() throws {
            let random = RandomPolicyZones(seed: 2026, count: 100)
            let world = try PolicyWorld(random.cases)
            let complaints = try complaints(world, random.cases.questions)
            #expect(complaints.isEmpty, "\(complaints.count): \(complaints.prefix(25).joined(separator: "\n"))")
            #expect(random.cases.questions.count > 2_000 && random.hiddenCount < random.cases.questions.count / 3)
        }
    }
}

/// NSD with a world of names, and before it BIND and Vireo with the same policy zones.
struct PolicyWorld {
    let nsd: NSDServer
    let bind: BINDServer
    let vireo: VireoServer
    private let directory: TestDirectory

    /// Rules' times to live are shorter, those of the world's records are not.
    static let shortest: UInt32 = 100

    /// Starts all three, and waits until both have all zones: from files, or Vireo from BIND.
    init(_ cases: PolicyZoneCases, transfers: Bool = false) throws {
        let directory = try TestDirectory()
        self.directory = directory
        let head = "$TTL 3600\n. SOA ns.example. host.example. 1 3600 600 86400 300\n. NS ns.example.\nns.example. A 192.0.2.53\n"
        let world = try directory.write("\(head)$ORIGIN example.\n\(cases.world)\n", to: "world.zone")
        let names = ["first", "second", "third"]
        let policies = try zip(names, cases.zones).map { name, rules in
            let head = "$ORIGIN \(name).rpz.\n$TTL 40\n@ SOA ns.example. host.example. 1 3600 600 86400 60\n@ NS ns.example.\n"
            let text = "\(head)has-\(name).example TXT yes\n\(rules)\n"
            return (name: "\(name).rpz", path: try directory.write(text, to: "\(name).db"))
        }
        nsd = try NSDServer(zones: [".": world])
        bind = try BINDServer(upstream: nsd.port, policies: policies)
        let port = bind.port
        let lists = policies.map { transfers ? "axfr://127.0.0.1:\(port)/\($0.name)" : $0.path }
        let kept = directory.file("lists")
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: false)
        // Workers take up lists one after the other: of one, what holds for one question holds for the next.
        vireo = try VireoServer(
            upstreams: [nsd.address],
            """
            workers: 1
            lists-directory: "\(kept)"
            lists:
            \(zip(names, lists).map { "  \($0): {from: [\"\($1)\"], format: rpz}" }.joined(separator: "\n"))
            groups: [{name: default, block: [\(names.joined(separator: ", "))]}]
            """)
        for (what, client) in [("BIND", bind.client), ("vireo", vireo.client)] {
            try eventually("\(what) to have the zones") {
                try names.allSatisfy { try client.ask("has-\($0).example.", .txt).answers.count == 1 } ? true : nil
            }
        }
    }

    /// Asks a port all questions over UDP, several at a time; nil for those to which no reply comes before nothing comes for a while.
    func ask(_ port: UInt16, _ questions: [PolicyQuestion], edns: EDNS? = EDNS()) throws -> [Message?] {
        var replies = [Message?](repeating: nil, count: questions.count)
        let socket = try UDPSocket(to: port)
        var (next, open) = (0, 0)
        while next < questions.count || open > 0 {
            if next < questions.count, open < 64 {
                let question = questions[next]
                socket.send(try Message.query(question.name, question.type, edns: edns, id: UInt16(next)).encoded())
                (next, open) = (next + 1, open + 1)
            } else if let bytes = socket.receive(within: .milliseconds(250)) {
                let reply = try Message(bytes.span)
                guard replies.indices.contains(Int(reply.id)) else { continue }
                if replies[Int(reply.id)] == nil { open = max(0, open - 1) }
                replies[Int(reply.id)] = reply
            } else {
                open = 0
            }
        }
        return replies
    }
}
