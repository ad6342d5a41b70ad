import Foundation
import Testing

extension EndToEnd {
    /// Interfaces that come, go and change, in a network namespace of the test's own.
    @Suite struct InterfaceTests {
        /// Runs lines of shell where `vireo` serves on 127.0.0.1:5300 and on 10.9.0.77:5300, an address that is not there yet;
        /// its upstream is at the other end of `v0`, whose address here is 10.9.0.1. `ask NAME [OPTIONS]` asks it once, and waits
        /// for a second and a half at most.
        private func run(_ lines: String) throws -> Tool {
            let directory = try TestDirectory()
            try directory.write((0..<99).map { "192.0.2.\($0) n\($0).example\n" }.joined(), to: "hosts")
            try directory.write(
                """
                listen: ["10.9.0.9:53"]
                upstreams: ["127.0.0.1:9"]
                hosts: "\(directory.file("hosts"))"
                control: off
                user: root
                """, to: "upstream.yaml")
            try directory.write(
                """
                listen: ["127.0.0.1:5300", "10.9.0.77:5300"]
                upstreams: ["10.9.0.9"]
                workers: 1
                control: off
                user: root
                """, to: "vireo.yaml")
            let script = """
                set -e
                PATH=$PATH:/usr/sbin:/sbin
                ip link set lo up
                unshare --net sh -c '
                    ip link set lo up
                    until ip link show v1 >/dev/null 2>&1; do sleep 0.02; done
                    ip addr add 10.9.0.9/24 dev v1
                    ip link set v1 up
                    exec \(VireoServer.binary) serve --config \(directory.file("upstream.yaml"))' 2>/dev/null & peer=$!
                until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
                ip link add v0 type veth peer name v1 netns $peer
                ip addr add 10.9.0.1/24 dev v0
                ip link set v0 up
                \(VireoServer.binary) serve --config \(directory.file("vireo.yaml")) & vireo=$!
                trap 'kill $peer $vireo; wait' EXIT
                ask() { dig +noall +answer +short +tries=1 +time=1 -p 5300 @127.0.0.1 "$@" || echo none; }
                for try in $(seq 200); do [ "$(ask n1.example)" = 192.0.2.1 ] && break; sleep 0.05; done
                \(lines)
                """
            return try PrivateNetwork.shell(script)
        }

        @Test(.enabled(if: PrivateNetwork.isAllowedToShells, "needs the right to make network namespaces"))
        func `the address of the only interface changes, and the next question is answered within a second`() throws {
            let tool = try run(
                """
                for number in 2 3 4; do ask n$number.example; done
                ip addr del 10.9.0.1/24 dev v0
                ip addr add 10.9.0.2/24 dev v0
                for number in 5 6 7; do ask n$number.example; done
                """)
            #expect(tool.output.split(separator: "\n") == (2...7).map { "192.0.2.\($0)" }, "\(tool.errors)")
        }

        @Test(.enabled(if: PrivateNetwork.isAllowedToShells, "needs the right to make network namespaces"))
        func `a link goes down and comes up again, and the next question is answered within a second`() throws {
            let tool = try run(
                """
                ask n2.example
                ip link set v0 down
                ask n3.example
                ip link set v0 up
                until ip -o link show v0 | grep -q LOWER_UP; do sleep 0.02; done
                for number in 4 5; do ask n$number.example; done
                """)
            let lines = tool.output.split(separator: "\n").filter { !$0.hasPrefix(";") && $0 != "none" }
            #expect(lines == ["192.0.2.2", "192.0.2.4", "192.0.2.5"], "\(tool.output) \(tool.errors)")
        }

        @Test(.enabled(if: PrivateNetwork.isAllowedToShells, "needs the right to make network namespaces"))
        func `an address to listen on that comes later is served once it is there`() throws {
            let tool = try run(
                """
                ip addr add 10.9.0.77/32 dev v0
                ask @10.9.0.77 n8.example
                ask @10.9.0.77 +tcp n9.example
                """)
            #expect(tool.output.split(separator: "\n") == ["192.0.2.8", "192.0.2.9"], "\(tool.errors)")
            #expect(tool.errors.contains("does not have the address yet") && tool.errors.contains("10.9.0.77:5300"))
        }
    }
}
