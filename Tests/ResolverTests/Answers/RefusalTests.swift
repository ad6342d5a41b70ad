import DNSWire
import TestSupport
import Testing

@testable import Resolver

/// What is answered with an error, or not at all, without asking anybody.
@Suite struct RefusalTests {
    /// Expects an answer at once with this rcode, the question and OPT as in the query, and no records.
    private func expectRefusal(
        _ query: Message, _ code: ResponseCode, _ reason: ExtendedErrorCode?, in world: ResolverWorld,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (step, bytes) = world.begin(query.wire)
        #expect(step == .answered(bytes.count), sourceLocation: sourceLocation)
        let answer = try Message(bytes.span)
        #expect(answer.responseCode == code, sourceLocation: sourceLocation)
        #expect(answer.id == query.id && answer.flags.opcode == query.flags.opcode, sourceLocation: sourceLocation)
        #expect(answer.questions == query.questions, sourceLocation: sourceLocation)
        #expect((answer.edns != nil) == (query.edns != nil), sourceLocation: sourceLocation)
        if query.edns != nil { #expect(answer.extendedError == reason, sourceLocation: sourceLocation) }
        #expect(!answer.flags.recursionAvailable && !answer.flags.isAuthoritative, sourceLocation: sourceLocation)
        #expect(!answer.flags.checkingDisabled, sourceLocation: sourceLocation)
        #expect(answer.flags.recursionDesired == query.flags.recursionDesired, sourceLocation: sourceLocation)
        let records = answer.answers + answer.authorities + answer.additionals
        #expect(records.isEmpty, sourceLocation: sourceLocation)
    }

    @Test(arguments: [false, true]) func `other opcodes, classes and transfers are refused with their reason`(_ edns: Bool) throws
    {
        try ResolverWorld.run { world throws in
            let edns = edns ? EDNS() : nil
            for opcode: UInt8 in [1, 2, 3, 4, 5, 6, 15] {
                var query = Message.query("www.example.", edns: edns)
                query.flags.opcode = Opcode(rawValue: opcode)
                query.flags.checkingDisabled = opcode % 2 == 0
                try expectRefusal(query, .notImp, .notSupported, in: world)
            }
            for type: UInt16 in [0, 128, 249, 250, 251, 252, 253, 254] {
                var query = Message.query("example.", RecordType(rawValue: type), edns: edns)
                query.flags.checkingDisabled = true
                try expectRefusal(query, .refused, .notSupported, in: world)
            }
            for number: UInt16 in [0, 2, 3, 4, 254, 255, 65_535] {
                let query = Message.query("example.", .txt, class: RecordClass(rawValue: number), edns: edns)
                try expectRefusal(query, .refused, .notSupported, in: world)
            }
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `another EDNS version gets BADVERS`() throws {
        try ResolverWorld.run { world throws in
            for version: UInt8 in [1, 2, 255] {
                var edns = EDNS()
                edns.version = version
                let (_, bytes) = world.begin(Message.query("www.example.", edns: edns).wire)
                let answer = try Message(bytes.span)
                #expect(answer.responseCode == .badVers && answer.edns?.version == 0 && answer.edns?.extendedHigh == 1)
                #expect(answer.extendedError == .notSupported)
            }
        }
    }

    @Test func `two OPTs, an OPT outside of the additional section and counts that lie get FORMERR`() throws {
        try ResolverWorld.run { world throws in
            let plain = Message.query("www.example.").wire
            let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
            func bytes(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
                var bytes = plain
                change(&bytes)
                return bytes
            }
            let malformed = [
                bytes {
                    $0 += opt + opt; $0[11] = 2
                },
                bytes {
                    $0 += opt; $0[7] = 1
                },
                bytes {
                    $0 += opt; $0[9] = 1
                },
                bytes { $0[11] = 1 },
                bytes { $0.append(0) },
                bytes { $0 += opt },
                bytes { $0[5] = 0 },
                bytes {
                    $0[5] = 2; $0 += $0[12...]
                },
                bytes {
                    $0[5] = 2; $0 += [0xC0, 12, 0, 1, 0, 1]
                },
                bytes { $0[4] = 0xFF },
                bytes { $0.removeLast() },
                bytes { $0.removeLast($0.count - 12) },
                bytes {
                    $0[12] = 0xC0; $0[13] = 12
                },
                bytes { $0[12] = 0x40 },
                bytes {
                    $0 += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 10, 0, 9]; $0[11] = 1
                },
            ]
            for message in malformed {
                let (step, answer) = world.begin(message)
                #expect(step == .answered(answer.count) && answer.count >= 12)
                let read = try Message(answer.span)
                #expect(read.responseCode == .formErr && read.id == 4711)
            }
            #expect(world.upstream.count == 0)
        }
    }

    @Test func `responses and what is no message at all are dropped`() throws {
        try ResolverWorld.run { world throws in
            var response = Message.query("www.example.")
            response.flags.isResponse = true
            #expect(world.begin(response.wire).step == .drop)
            for count in 0..<12 { #expect(world.begin(Array(response.wire.prefix(count))).step == .drop) }
        }
    }

    @Test func `a query of a COOKIE alone gets NOERROR without a question`() throws {
        try ResolverWorld.run { world throws in
            var query = Message(id: 5)
            query.edns = EDNS(options: [EDNSOption(.cookie, [1, 2, 3, 4, 5, 6, 7, 8])])
            let answer = try world.ask(query)
            #expect(answer.responseCode == .noError && answer.questions.isEmpty && answer.edns != nil)
        }
    }

    @Test func `without RD the cache alone answers, else REFUSED`() throws {
        try ResolverWorld.run { world throws in
            var query = Message.query("www.example.", edns: EDNS())
            query.flags.recursionDesired = false
            let refused = try world.ask(query)
            #expect(refused.responseCode == .refused && !refused.flags.recursionDesired && !refused.flags.recursionAvailable)
            #expect(refused.extendedError == .notAuthoritative && world.upstream.count == 0)
            _ = try world.ask("www.example.")
            let answer = try world.ask(query)
            #expect(answer.answers.count == 1 && !answer.flags.recursionDesired && answer.flags.recursionAvailable)
        }
    }

    @Test func `version.bind and id.server are answered where the operator says so, in class CHAOS`() throws {
        func texts(_ world: ResolverWorld, _ name: String) throws -> [String] {
            let answer = try world.ask(.query(name, .txt, class: .chaos, edns: EDNS()))
            if answer.answers.isEmpty { #expect(answer.responseCode == .refused && answer.extendedError == .notSupported) }
            #expect(answer.answers.allSatisfy { $0.class == .chaos && $0.type == .txt && $0.ttl == 0 })
            return answer.answers.map { "\($0.data)" }
        }
        try ResolverWorld.run { world throws in
            for name in ["version.bind.", "id.server."] { #expect(try texts(world, name) == []) }
        }
        try ResolverWorld.run { policy in
            policy.version = "vireo"
            policy.identity = "here"
        } _: { world throws in
            #expect(try texts(world, "version.bind.") == ["\"vireo\""])
            #expect(try texts(world, "VERSION.Bind.") == ["\"vireo\""])
            #expect(try texts(world, "version.server.") == ["\"vireo\""])
            #expect(try texts(world, "id.server.") == ["\"here\""])
            #expect(try texts(world, "hostname.bind.") == ["\"here\""])
            #expect(try texts(world, "authors.bind.") == [])
            for name in ["version.bind.", "id.server."] {
                let answer = try world.ask(.query(name, .a, class: .chaos))
                #expect(answer.responseCode == .noError && answer.answers.isEmpty)
            }
            #expect(try world.ask(.query("authors.bind.", .a, class: .chaos)).responseCode == .refused)
        }
    }
}
