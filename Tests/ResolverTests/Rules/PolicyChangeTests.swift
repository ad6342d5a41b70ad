import DNSWire
import Green
import Testing
import Upstream

@testable import Resolver

/// Which kept answers another policy makes worthless.
@Suite struct PolicyChangeTests {
    private static let first = SocketAddress(IPAddress("192.0.2.1")!, port: 53)
    private static let second = SocketAddress(IPAddress("192.0.2.2")!, port: 53)

    /// A policy with a general route, after `change`.
    private func policy(_ change: (inout Policy) -> Void = { _ in }) -> Policy {
        var policy = Policy()
        policy.localZones = .none
        policy.routes = [ResolverWorld.route(".", Self.first)]
        change(&policy)
        policy.makeIndex()
        return policy
    }

    private func forgotten(_ names: [String], by present: Policy, after former: Policy?) -> [String] {
        names.filter { present.forgets(Name($0)!.lowercased.wire.span, keptBy: former) }
    }

    private static let names = [
        "host.corp.example.", "corp.example.", "example.", "printer.local.", "printer.", "4.3.2.10.in-addr.arpa.", ".",
    ]

    @Test func `nothing changed, nothing is forgotten`() {
        let one = policy { $0.routes.append(ResolverWorld.route("corp.example.", Self.second, id: 2)) }
        #expect(!one.mayForget(keptBy: one) && forgotten(Self.names, by: one, after: one) == [])
    }

    @Test func `a domain that goes to others is forgotten, and no other`() {
        let none = policy()
        let one = policy { $0.routes.append(ResolverWorld.route("corp.example.", Self.second, id: 2)) }
        let other = policy { $0.routes.append(ResolverWorld.route("corp.example.", Self.first, id: 1)) }
        for (present, former) in [(one, none), (none, one), (other, one)] {
            #expect(present.mayForget(keptBy: former))
            #expect(forgotten(Self.names, by: present, after: former) == ["host.corp.example.", "corp.example."])
        }
    }

    @Test func `answers stay where the upstreams for all names change`() {
        let other = policy { $0.routes = [ResolverWorld.route(".", Self.second, id: 2)] }
        #expect(forgotten(Self.names, by: other, after: policy()) == [])
    }

    @Test func `names that are answered here from now on are forgotten, also where a snapshot brings them`() {
        let zones = policy { $0.localZones = LocalZones() }
        let expected = ["example.", "printer.local.", "printer.", "4.3.2.10.in-addr.arpa."]
        #expect(forgotten(Self.names, by: zones, after: policy()) == expected)
        #expect(forgotten(Self.names, by: zones, after: nil) == expected)
        #expect(forgotten(Self.names, by: policy(), after: zones) == [])
    }

    @Test func `a domain of which less is kept from now on is forgotten once`() {
        func rule(_ change: (inout DomainRule) -> Void) -> Policy {
            policy { policy in
                var rule = DomainRule(domain: Name("corp.example.")!.lowercased.wire)
                change(&rule)
                policy.domains = [rule]
            }
        }
        let noCache = rule { $0.noCache = true }
        let expected = ["host.corp.example.", "corp.example."]
        for former in [nil, policy(), rule { $0.maximumSeconds = 60 }] {
            #expect(forgotten(Self.names, by: noCache, after: former) == expected)
        }
        #expect(forgotten(Self.names, by: noCache, after: noCache) == [])
        #expect(forgotten(Self.names, by: rule { $0.maximumSeconds = 60 }, after: policy()) == [])
    }
}
