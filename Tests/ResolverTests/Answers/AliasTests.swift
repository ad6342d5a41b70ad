import DNSWire
import Green
import TestSupport
import Testing
import Upstream

@testable import Resolver

/// Aliases whose target the upstream left out.
@Suite struct AliasTests {
    /// A world whose upstream says of `n0.example.` that it is an alias of `n1.example.`, and so on up to `last`, which has
    /// an address; it follows none of them.
    private func run(last: Int, ttl: Int = 300, delay: Duration = .zero, _ body: @escaping (ResolverWorld) throws -> Void) throws
    {
        try ResolverWorld.run { world throws in
            world.upstream.delay = delay
            world.upstream.answer = { query in
                let name = query.questions[0].name.lowercased.description
                guard let number = Int(name.dropFirst().prefix { $0.isNumber }) else { return nil }
                if number == last { return .address(query) }
                return .reply(to: query, .noError, ["\(name) \(ttl) IN CNAME n\(number + 1).example."])
            }
            try body(world)
        }
    }

    @Test(arguments: [1, 2, 11]) func `are followed, and the answer is kept as one`(_ last: Int) throws {
        try run(last: last) { world throws in
            for _ in 0..<2 {
                let answer = try world.ask("n0.example.")
                #expect(answer.answers.map(\.type) == [RecordType](repeating: .cname, count: last) + [.a])
                #expect(answer.answers.map(\.owner) == (0...last).map { Name("n\($0).example.")! })
                #expect(world.upstream.count == last + 1)
            }
        }
    }

    @Test func `are followed eleven times and no further, and that is remembered`() throws {
        try run(last: 12) { world throws in
            for _ in 0..<2 {
                #expect(try world.ask("n0.example.").responseCode == .servFail)
                #expect(world.upstream.count == 12)
            }
        }
    }

    @Test func `count down while their targets are asked for`() throws {
        try run(last: 2, delay: .milliseconds(1_400)) { world throws in
            let ttls = try world.ask("n0.example.").answers.map(\.ttl)
            #expect((297...298).contains(ttls[0]) && (298...299).contains(ttls[1]))
            let count = world.upstream.count
            #expect(try world.ask("n0.example.").answers.map(\.ttl) == ttls && world.upstream.count == count)
        }
    }

    @Test func `are not kept where their time is over before the last target is known`() throws {
        try run(last: 2, ttl: 2, delay: .milliseconds(1_400)) { world throws in
            for _ in 0..<2 {
                let count = world.upstream.count
                #expect(try world.ask("n0.example.").answers.map(\.ttl).first == 0)
                #expect(world.upstream.count > count)
            }
        }
    }

    @Test(arguments: [["n1", "n0"], ["n1", "n1"], ["n0", ""]]) func `that lead in a circle are a failure`(_ targets: [String])
        throws
    {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name.lowercased.description
                let target = name.hasPrefix("n0.") ? targets[0] : targets[1]
                return .reply(to: query, .noError, ["\(name) 300 IN CNAME \(target).example."])
            }
            #expect(try world.ask("n0.example.").responseCode == .servFail)
            #expect(world.upstream.count <= 12)
        }
    }

    @Test func `all take no longer than one question may`() throws {
        try run(last: 9, delay: .milliseconds(900)) { world throws in
            let begun = world.hub.loop.now()
            #expect(try world.ask("n0.example.").responseCode == .servFail)
            #expect(begun.duration(to: world.hub.loop.now()) <= Forwarder.questionLimit + .milliseconds(20))
        }
    }

    @Test func `a target is asked for where its domain's questions go, and DS of a domain where its parent's go`() throws {
        try ResolverWorld.run { world throws in
            let own = try ScriptedUpstream(.init(.loopback, port: 6000))
            world.policy.routes.append(ResolverWorld.route("corp.example.", own.address, id: 2))
            world.resolver.adopt(world.policy)
            world.upstream.answer = { query in
                let name = query.questions[0].name.lowercased.description
                if name == "a.example." { return .reply(to: query, .noError, ["a.example. 300 IN CNAME x.corp.example."]) }
                if name == "b.example." { return .reply(to: query, .noError, ["b.example. 300 IN CNAME corp.example."]) }
                return .reply(to: query, .noError, ["\(name) 300 IN DS 1 8 2 \(String(repeating: "00", count: 32))"])
            }
            #expect(try world.ask("a.example.").answers.count == 2)
            #expect(own.queries.map { $0.questions[0].name.lowercased } == [Name("x.corp.example.")!])
            #expect(try world.ask("b.example.", .ds).answers.map(\.type) == [.cname, .ds])
            #expect(own.count == 1 && world.upstream.count == 3)
        }
    }

    @Test(arguments: [
        ("printer.local.", ResponseCode.nxDomain, 1), ("1.10.in-addr.arpa.", .nxDomain, 1), ("nas.home.", .noError, 2),
        ("known.example.", .noError, 2),
    ])
    func `a target that is known here is not asked for elsewhere`(_ target: String, _ code: ResponseCode, _ count: Int) throws {
        try ResolverWorld.run {
            $0.hosts = HostsTable.load(Array("192.0.2.7 nas.home\n".utf8))
        } _: { world throws in
            _ = try world.ask("known.example.")
            world.upstream.answer = { query in
                .reply(to: query, .noError, ["\(query.questions[0].name) 300 IN CNAME \(target)"])
            }
            let answer = try world.ask("a.example.")
            #expect(answer.responseCode == code && answer.answers.count == count)
            #expect(
                world.upstream.queries.map { $0.questions[0].name.lowercased }
                    == ["known.example.", "a.example."].map { Name($0)! })
        }
    }

    @Test func `a target whose failure is remembered is a failure`() throws {
        try ResolverWorld.run { world throws in
            world.upstream.answer = { query in
                let name = query.questions[0].name.lowercased.description
                if name.hasPrefix("a.") { return .reply(to: query, .noError, ["\(name) 300 IN CNAME broken.example."]) }
                return .reply(to: query, .servFail)
            }
            #expect(try world.ask("broken.example.").responseCode == .servFail)
            let count = world.upstream.count
            #expect(try world.ask("a.example.").responseCode == .servFail)
            #expect(world.upstream.count == count + 1)
        }
    }
}
