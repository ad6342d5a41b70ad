import DNSWire
import Foundation
import Testing

extension EndToEnd {
    /// What goes over the wire, seen from a client.
    @Suite struct ProtocolTests {
        /// A query for a name that the fake upstream answers, as bytes.
        private func bytes(_ name: String = "a.example.", edns: EDNS? = nil, change: (inout Message) -> Void = { _ in }) throws
            -> [UInt8]
        {
            var message = Message.query(name, .a, edns: edns, id: 0x1234)
            change(&message)
            return try message.encoded()
        }

        @Test func `id, RD, CD, opcode and the letters of the question are echoed, RA is set`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            for transport in [ClientTransport.udp, .tcp] {
                for name in ["MiXeD.eXample.", "mixed.EXAMPLE."] {
                    let query = try bytes(name) { $0.flags.checkingDisabled = true }
                    let reply = try #require(try vireo.client.exchange(query, over: transport))
                    let message = try Message(reply.span)
                    #expect(message.id == 0x1234)
                    #expect("\(message.questions[0].name)" == name)
                    #expect(message.flags.isResponse && message.flags.recursionDesired && message.flags.recursionAvailable)
                    #expect(message.flags.checkingDisabled && !message.flags.authenticData && !message.flags.isAuthoritative)
                    #expect(message.edns == nil)
                    #expect("\(message.answers[0].owner)" == name)
                }
            }
            #expect(upstream.questionCount == 1)
        }

        @Test func `OPT is in the answer exactly when it is in the query, and options are not echoed`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            let option = EDNSOption(EDNSOptionCode(rawValue: 65_001), [1, 2, 3])
            let with = try vireo.ask("a.example.", .a, edns: EDNS(dnssecOK: true, options: [option]))
            #expect(with.edns?.version == 0)
            #expect(with.edns?.dnssecOK == true)
            #expect(with.edns?.options == [])
            #expect(try vireo.ask("a.example.", .a).edns == nil)
        }

        @Test func `another EDNS version is BADVERS`() throws {
            let vireo = try VireoServer(upstreams: ["192.0.2.1"])
            var edns = EDNS()
            edns.version = 1
            let reply = try vireo.ask("a.example.", .a, edns: edns)
            #expect(reply.responseCode == .badVers)
            #expect(reply.edns?.version == 0)
            #expect(reply.answers.isEmpty)
        }

        @Test func `two OPTs, two questions and rubbish after the end are FORMERR`() throws {
            let vireo = try VireoServer(upstreams: ["192.0.2.1"])
            let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
            var twice = try bytes() + opt + opt
            twice[11] = 2
            var questions = try bytes()
            questions[5] = 2
            questions += questions[12...]
            for query in [twice, questions, try bytes() + [0]] {
                let reply = try #require(try vireo.client.exchange(query))
                #expect(reply.prefix(2) == [0x12, 0x34])
                #expect(reply[3] & 15 == 1)
            }
        }

        @Test func `other opcodes are NOTIMP, transfers and class CHAOS are REFUSED`() throws {
            let vireo = try VireoServer(upstreams: ["192.0.2.1"])
            for opcode in [UInt8(1), 2, 4, 5, 6, 15] {
                let query = try bytes { $0.flags.opcode = Opcode(rawValue: opcode) }
                let reply = try #require(try vireo.client.exchange(query))
                #expect(reply[3] & 15 == 4)
                #expect(reply[2] >> 3 & 15 == opcode)
            }
            for type in [RecordType.axfr, .ixfr] {
                #expect(try vireo.ask("example.", type, over: .tcp).responseCode == .refused)
            }
            for name in ["version.bind.", "id.server.", "other."] {
                let reply = try vireo.client.ask(.query(name, .txt, class: .chaos))
                #expect(reply.responseCode == .refused)
                #expect(reply.questions[0].class == .chaos)
            }
        }

        @Test func `version bind and id server are told when the configuration says what`() throws {
            let vireo = try VireoServer(upstreams: ["192.0.2.1"], "chaos: {version: \"v 1\", id: here}")
            for (name, text) in [("version.bind.", "\"v 1\""), ("Id.Server.", "\"here\"")] {
                let reply = try vireo.client.ask(.query(name, .txt, class: .chaos))
                #expect(reply.responseCode == .noError)
                #expect(reply.answers.map { "\($0.data)" } == [text])
            }
            #expect(try vireo.client.ask(.query("authors.bind.", .txt, class: .chaos)).responseCode == .refused)
        }

        @Test func `a response, or less than a header, gets no answer`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            let socket = try UDPSocket(to: vireo.port)
            socket.send(try bytes { $0.flags.isResponse = true })
            socket.send(Array(try bytes().prefix(11)))
            socket.send([])
            socket.send(try bytes())
            // Only the last is answered; whatever else were answered would have come before.
            #expect(try #require(socket.receive(within: .seconds(5))).prefix(2) == [0x12, 0x34])
            #expect(socket.receive(within: .milliseconds(50)) == nil)
        }

        @Test func `an answer that does not fit is cut at whole RRsets with TC, and whole over TCP`() throws {
            let nsd = try NSDServer()
            let vireo = try VireoServer(upstreams: [nsd.address])
            for _ in 0..<2 {
                let plain = try #require(try vireo.client.exchange(try Message.query("txt-long.types.example.", .txt).encoded()))
                #expect(plain.count <= 512)
                let cut = try Message(plain.span)
                #expect(cut.flags.isTruncated && cut.answers.isEmpty && cut.responseCode == .noError)
                let large = try vireo.ask("txt-long.types.example.", .txt, edns: EDNS(udpPayloadSize: 4_096))
                #expect(!large.flags.isTruncated && large.answers.count == 1)
                let keys = try vireo.client.exchange(
                    try Message.query(".", .dnskey, edns: EDNS(udpPayloadSize: 65_535, dnssecOK: true)).encoded())
                #expect(try #require(keys).count <= 1_232)
                let whole = try vireo.ask("txt-long.types.example.", .txt, over: .tcp)
                #expect(!whole.flags.isTruncated && whole.answers.count == 1)
            }
        }

        @Test func `a question without RD is answered from the cache or refused`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: [upstream.address])
            let query = try bytes("kept.example.") { $0.flags.recursionDesired = false }
            #expect(try Message(reading: try vireo.client.exchange(query)).responseCode == .refused)
            _ = try vireo.ask("kept.example.", .a)
            #expect(try Message(reading: try vireo.client.exchange(query)).answers.count == 1)
            #expect(upstream.questionCount == 1)
        }

        @Test func `an upstream that is not there gives SERVFAIL with the reason, within its time`() throws {
            let vireo = try VireoServer(upstreams: ["127.0.0.1:\(FreePort.take())"], "timeout: 300ms")
            let start = ContinuousClock.now
            let reply = try vireo.ask("a.example.", .a, edns: EDNS())
            #expect(ContinuousClock.now - start < .seconds(5.5))
            #expect(reply.responseCode == .servFail)
            #expect(reply.edns?.extendedError != nil)
        }

        @Test func `the next upstream is asked when the first is not there`() throws {
            let upstream = try FakeUpstream()
            let vireo = try VireoServer(upstreams: ["127.0.0.1:\(FreePort.take())", upstream.address])
            #expect(try vireo.ask("a.example.", .a).answers.count == 1)
        }

        @Test func `a domain with upstreams of its own is forwarded there, the longest match wins`() throws {
            let general = try FakeUpstream(ip: [192, 0, 2, 1])
            let corp = try FakeUpstream(ip: [192, 0, 2, 2])
            let lab = try FakeUpstream(ip: [192, 0, 2, 3])
            let rules =
                "forward: [{domain: corp.example, upstreams: [\"\(corp.address)\"]}, "
                + "{domain: Lab.corp.example, upstreams: [\"\(lab.address)\"]}]"
            let vireo = try VireoServer(upstreams: [general.address], rules)
            let expected = [
                "www.example.": "192.0.2.1", "corp.example.": "192.0.2.2", "a.b.CORP.example.": "192.0.2.2",
                "lab.corp.example.": "192.0.2.3", "x.lab.corp.example.": "192.0.2.3", "notcorp.example.": "192.0.2.1",
            ]
            for (name, address) in expected.sorted(by: { $0.key < $1.key }) {
                #expect(try vireo.ask(name, .a).answers.map { "\($0.data)" } == [address], "\(name)")
            }
        }

        @Test func `names of the hosts file are answered without asking anybody`() throws {
            let upstream = try FakeUpstream(ip: [192, 0, 2, 99])
            let directory = try TestDirectory()
            let hosts = try directory.write("192.0.2.7 Box.example box\n2001:db8::7 box.example\nrubbish\n", to: "hosts")
            let vireo = try VireoServer(upstreams: [upstream.address], "hosts: \(hosts)")
            #expect(try vireo.ask("bOX.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.7"])
            #expect(try vireo.ask("box.example.", .aaaa).answers.map { "\($0.data)" } == ["2001:db8::7"])
            #expect(try vireo.ask("7.2.0.192.in-addr.arpa.", .ptr).answers.map { "\($0.data)" } == ["Box.example."])
            let noData = try vireo.ask("box.example.", .mx)
            #expect(noData.responseCode == .noError && noData.answers.isEmpty)
            #expect(upstream.questionCount == 0)
            try directory.write("192.0.2.8 box.example\n", to: "hosts")
            try eventually("the new hosts file to be read") {
                try vireo.ask("box.example.", .a).answers.map { "\($0.data)" } == ["192.0.2.8"] ? true : nil
            }
            #expect(vireo.process.errors.contains("line 3"))
        }
    }
}
