import Green
import Testing
import Upstream

@testable import Daemon

/// Who of several upstreams is asked.
@Suite struct ChoiceSettingsTests {
    @Test func `a group is ordered with one hedge in twenty unless told otherwise`() throws {
        var builder = PolicyBuilder()
        let policy = builder.policy(for: try read("upstreams: [192.0.2.1, 192.0.2.2]"), hosts: nil)
        #expect(policy.routes[0].choice == ForwardPolicy())
        #expect(policy.routes[0].upstreams.count == 2)
    }

    @Test func `policy, hedge and fallback hold for all names, and for a domain that has its own`() throws {
        let text = """
            upstreams: [192.0.2.1, 192.0.2.2]
            policy: fastest
            hedge: 0
            fallback: [192.0.2.3]
            forward:
              - {domain: corp.example, upstreams: [192.0.2.4], policy: parallel, fallback: [192.0.2.5, 192.0.2.6], hedge: 20}
              - {domain: lab.example, upstreams: [192.0.2.7]}
            """
        var builder = PolicyBuilder()
        let routes = builder.policy(for: try read(text), hosts: nil).routes
        #expect(routes.map(\.choice.order) == [.fastest, .parallel, .ordered])
        #expect(routes.map(\.choice.fallbackCount) == [1, 2, 0])
        #expect(routes.map(\.choice.hedgePermille) == [0, 200, 50])
        #expect(routes.map { $0.upstreams.count } == [3, 3, 1])
        #expect(routes[1].upstreams.map(\.address.description) == ["192.0.2.4:53", "192.0.2.5:53", "192.0.2.6:53"])
    }

    @Test func `verify and bogus hold for a group, and the file's addresses are suspicious`() throws {
        let text = """
            upstreams: [192.0.2.1]
            verify: {with: ["tls://192.0.2.9#dns.example"], suspect: [early, twice, /etc/vireo/forged.txt]}
            bogus: [192.0.2.80, 2001:db8::/32]
            forward:
              - {domain: a.example, upstreams: [192.0.2.4], verify: {with: ["tls://192.0.2.9#dns.example"], suspect: [twice]}}
              - {domain: b.example, upstreams: [192.0.2.7]}
            """
        let settings = try read(text)
        #expect(settings.addressFiles == ["/etc/vireo/forged.txt"])
        #expect(settings.allUpstreams.count { $0.transport == .tls } == 2)
        var builder = PolicyBuilder()
        let routes = builder.policy(for: settings, hosts: nil).routes
        #expect(routes.map(\.choice.suspicions.early) == [true, false, false])
        #expect(routes.map(\.choice.suspicions.twice) == [true, true, false])
        #expect(routes.map(\.verifiers.count) == [1, 1, 0])
        #expect(routes[0].verifiers == routes[1].verifiers)
        #expect(routes[0].choice.bogus.contains(IPAddress("192.0.2.80")!.number))
        #expect(routes[0].choice.bogus.contains(IPAddress("2001:db8::1")!.number))
        #expect(!routes[0].choice.bogus.contains(IPAddress("192.0.2.81")!.number) && routes[1].choice.bogus.isEmpty)
    }

    @Test(arguments: [
        ("verify: {suspect: [early]}", "verify: with is missing; expected {with: "),
        ("verify: {with: [192.0.2.9], suspect: [soon]}", "verify.suspect[0]: \"soon\" is not that; expected early, twice, or"),
        ("verify: {with: [192.0.2.9], suspect: []}", "verify.suspect: the list is empty"),
        ("bogus: [example]", "bogus[0]: \"example\" is not that; expected an address or a prefix"),
        ("policy: quickest", "policy: \"quickest\" is not that; expected one of ordered, fastest, parallel"),
        ("hedge: 101", "hedge"), ("hedge: 5%", "hedge"), ("fallback: []", "the list is empty"),
        ("forward: [{domain: a.example, upstreams: [192.0.2.1], policy: x}]", "forward[0].policy"),
    ])
    func `what is wrong with them is said`(_ text: String, _ problem: String) {
        #expect(complaint("upstreams: [192.0.2.1]\n" + text).contains(problem))
    }

    @Test(arguments: [
        "fallback: [127.0.0.1]", "verify: {with: [127.0.0.1]}",
        "forward: [{domain: a.example, upstreams: [192.0.2.1], fallback: [127.0.0.1]}]",
    ])
    func `a fallback that is the daemon itself is refused`(_ text: String) throws {
        let settings = try read("upstreams: [192.0.2.1]\n" + text)
        #expect { try settings.checkUpstreams(at: ConfigurationPlace(source: "x"), on: []) } throws: {
            "\($0)".contains("fallback[0]: ") || "\($0)".contains("verify.with[0]: ")
        }
    }
}
