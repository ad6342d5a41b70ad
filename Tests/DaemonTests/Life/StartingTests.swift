import Foundation
import Green
import Logging
import Resolver
import Testing

@testable import Daemon

/// Starting, and going on, where something is missing.
@Suite struct StartingTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `an address that only the default names is left out where the machine lacks it, never the last one`() throws {
        try VirtualWorld(seed: 1).run { hub throws in
            let there = SocketAddress(.loopback, port: 53)
            let missing = SocketAddress(IPAddress("192.0.2.77")!, port: 53)
            let set = try ListenerSet([there, missing].map { ListenAddress($0) }, areNamed: false, workers: 2, loop: hub.loop)
            #expect(set.addresses.map(\.address) == [there] && set.leftOut.map(\.address.address) == [missing])
            #expect(set.shares.allSatisfy { $0.datagrams.count == 1 && $0.streams.count == 1 })
            #expect(throws: DaemonError.self) {
                try ListenerSet([ListenAddress(missing)], areNamed: false, workers: 1, loop: hub.loop)
            }
        }
    }

    @Test func `an address that the operator names and the machine lacks is bound all the same, for each worker`() throws {
        try VirtualWorld(seed: 1).run { hub throws in
            let there = SocketAddress(.loopback, port: 54)
            let missing = SocketAddress(IPAddress("192.0.2.77")!, port: 53)
            let set = try ListenerSet([there, missing].map { ListenAddress($0) }, workers: 2, loop: hub.loop)
            #expect(
                set.addresses.map(\.address) == [there, missing] && set.leftOut.isEmpty && set.awaited.map(\.address) == [missing]
            )
            #expect(set.shares.allSatisfy { $0.datagrams.count == 2 && $0.streams.count == 2 })
            // Another daemon there is a fault, whether or not the address is there.
            #expect(throws: DaemonError.self) { try ListenerSet([ListenAddress(missing)], workers: 1, loop: hub.loop) }
        }
    }

    @Test func `a wildcard of a family that the machine lacks is left out, other faults are not`() {
        let family = SocketError(errno: EAFNOSUPPORT, call: "socket")
        let wildcard = SocketAddress(.anyV6, port: 53)
        let own = SocketAddress(.loopbackV6, port: 53)
        #expect(ListenerSet.mayLeaveOut(wildcard, isNamed: true, family))
        #expect(ListenerSet.mayLeaveOut(own, isNamed: false, family))
        #expect(ListenerSet.mayLeaveOut(own, isNamed: false, .addressNotAvailable))
        #expect(!ListenerSet.mayLeaveOut(own, isNamed: true, family))
        for fault in [SocketError.addressInUse, .permissionDenied] {
            #expect(!ListenerSet.mayLeaveOut(wildcard, isNamed: false, fault))
        }
    }

    @Test func `the example file orders no listeners`() throws {
        #expect(try !read(ExampleFile.text).namesListeners)
    }

    /// Runs `body` with a part that follows resolv.conf, and the number of changes that it told.
    private func withPart(
        _ yaml: String, _ text: String?, _ body: @escaping (ResolvConfPart, VirtualFiles, () -> Int) throws -> Void
    ) throws {
        let world = VirtualWorld(seed: 4)
        try world.run { hub throws in
            let files = world.host.files
            if let text { files.write("/etc/resolv.conf", text) }
            let part = ResolvConfPart(try read(yaml), Self.logger, path: "/etc/resolv.conf", machine: { [] })
            var changes = 0
            part.changed = { changes += 1 }
            try part.start()
            try body(part, files) { changes }
            try part.stop()
        }
    }

    @Test(arguments: [nil, "", "nameserver 127.0.0.1\n", "search example\n"])
    func `the daemon starts without a server in resolv conf, and asks the one that comes`(text: String?) throws {
        try withPart("{}", text) { part, files, changes in
            #expect(part.upstreams.isEmpty)
            try sleep(.seconds(10))
            #expect(part.upstreams.isEmpty && changes() == 0)
            files.write("/etc/resolv.conf", "nameserver 192.0.2.1\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.1:53"] && changes() == 1)
        }
    }

    @Test func `resolv conf is followed, and what was known stays when it comes to name this daemon or nobody`() throws {
        try withPart("{}", "nameserver 192.0.2.1\nnameserver 2001:db8::1\n") { part, files, changes in
            #expect(part.upstreams.map(\.description) == ["192.0.2.1:53", "[2001:db8::1]:53"])
            files.write("/etc/resolv.conf", "nameserver 192.0.2.2\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.2:53"] && changes() == 1)
            for text in ["nameserver 127.0.0.1\n", "", "options edns0\n"] {
                files.write("/etc/resolv.conf", text)
                try sleep(.seconds(2))
                try part.adopt(Settings())
                #expect(part.upstreams.map(\.description) == ["192.0.2.2:53"] && changes() == 1)
            }
            files.remove("/etc/resolv.conf")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.2:53"] && changes() == 1)
            files.write("/etc/resolv.conf", "nameserver 192.0.2.3\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.3:53"] && changes() == 2)
        }
    }

    @Test func `upstreams that are set are asked, whatever resolv conf says, until a reload takes them away`() throws {
        try withPart("upstreams: [192.0.2.9]", "nameserver 192.0.2.1\n") { part, files, changes in
            files.write("/etc/resolv.conf", "nameserver 192.0.2.2\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.9:53"] && changes() == 0)
            try part.adopt(Settings())
            #expect(part.upstreams.map(\.description) == ["192.0.2.2:53"])
        }
    }

    @Test func `upstreams with a name have their addresses from whom resolv conf names, never from this daemon`() throws {
        let text = "nameserver 127.0.0.1\nnameserver 192.0.2.1\n"
        try withPart("upstreams: [\"tls://dns.example\"]", text) { part, files, changes in
            #expect(part.upstreams.map(\.description) == ["tls://dns.example:853"])
            #expect(part.bootstrap.map(\.description) == ["192.0.2.1:53"])
            files.write("/etc/resolv.conf", "nameserver 192.0.2.2\n")
            try sleep(.seconds(2))
            #expect(part.bootstrap.map(\.description) == ["192.0.2.2:53"] && changes() == 1)
        }
        try withPart("upstreams: [\"tls://dns.example\"]\nbootstrap: [192.0.2.9]", text) { part, _, _ in
            #expect(part.bootstrap.map(\.description) == ["192.0.2.9:53"])
        }
    }

    @Test func `upstreams from another file are followed as those of resolv conf are, and a reload may name another`() throws {
        let settings = try read("upstreams: from /run/dhcp/resolv.conf")
        try withPart("upstreams: from /run/dhcp/resolv.conf", "nameserver 192.0.2.1\n") { part, files, changes in
            #expect(part.upstreams.isEmpty && part.origin == "/run/dhcp/resolv.conf")
            files.write("/run/dhcp/resolv.conf", "nameserver 192.0.2.7\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.7:53"] && changes() == 1)
            files.write("/run/dhcp/resolv.conf", "nameserver 127.0.0.1\nnameserver 192.0.2.8\n")
            try sleep(.seconds(2))
            #expect(part.upstreams.map(\.description) == ["192.0.2.8:53"] && changes() == 2)
            try part.adopt(Settings())
            #expect(part.upstreams.map(\.description) == ["192.0.2.1:53"])
            try part.adopt(settings)
            #expect(part.upstreams.map(\.description) == ["192.0.2.8:53"])
        }
        #expect(try read("upstreams: [192.0.2.1]").upstreamsFrom == nil)
        for wrong in ["from", "from resolv.conf", "from  ", "[from /etc/resolv.conf]"] {
            #expect(complaint("upstreams: \(wrong)").contains("expected"), "\(wrong)")
        }
    }

    @Test func `resolvers are told whom resolv conf names`() throws {
        let world = VirtualWorld(seed: 5)
        try world.run { hub throws in
            world.host.files.write("/etc/resolv.conf", "nameserver 192.0.2.1\n")
            let part = ResolvConfPart(Settings(), Self.logger, path: "/etc/resolv.conf", machine: { [] })
            let hosts = HostsPart(Settings(), Self.logger)
            let policy = PolicyPart(Settings(), hosts: hosts, resolvConf: part, others: nil)
            try part.start()
            #expect(policy.policy().routes[0].upstreams.map(\.address.description) == ["192.0.2.1:53"])
            try part.stop()
        }
    }
}
