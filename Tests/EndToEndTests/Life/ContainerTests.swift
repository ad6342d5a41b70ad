import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The daemon as a container runs it: process 1 of its namespaces, with nothing around it but a network.
    @Suite struct ContainerTests {
        @Test(.enabled(if: PrivateNetwork.isAllowedToShells && Sanitizer.allowsNoProc, "needs the right to make namespaces"))
        func `process 1 without IPv6, proc or a place to write serves, reads its settings again and ends well`() throws {
            let directory = try TestDirectory()
            try directory.write(
                """
                listen: ["127.0.0.1:5300", "[::1]:5300"]
                upstreams: ["127.0.0.1:9"]
                local: "one.example. 300 IN A 192.0.2.1"
                user: root

                """, to: "vireo.yaml")
            let script = """
                PATH=$PATH:/usr/sbin:/sbin
                cd \(directory.file(""))
                ip link set lo up
                for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >$file; done
                unshare --pid --fork --mount sh -c '
                    mount --make-rprivate /
                    cut -d" " -f5 /proc/self/mountinfo | while read place; do mount -o remount,bind,ro "$place"; done 2>/dev/null
                    touch here 2>/dev/null && echo writable
                    umount -l /proc
                    exec \(VireoServer.binary) serve --config vireo.yaml' & outer=$!
                ask() { dig +short +tries=1 +time=1 -p 5300 @127.0.0.1 "$@"; }
                await() { for try in $(seq 200); do [ "$(ask "$2")" = "$1" ] && break; sleep 0.05; done; ask "$2" "$3"; }
                await 192.0.2.1 one.example +tcp
                vireo=$(pgrep -P $outer)
                grep -c '^NSpid:.*\\s1$' /proc/$vireo/status
                sed -i s/one/two/ vireo.yaml
                kill -HUP $vireo
                await 192.0.2.1 two.example +notcp
                kill -TERM $vireo
                wait $outer
                echo ended with $?
                """
            let tool = try PrivateNetwork.shell(script)
            let lines = tool.output.split(separator: "\n").map(String.init)
            #expect(lines == ["192.0.2.1", "1", "192.0.2.1", "ended with 0"], "\(tool.output)\(tool.errors)")
        }

        @Test(.enabled(if: PrivateNetwork.isAllowedToShells, "needs the right to make namespaces"))
        func `all addresses of both families can be listened on together, and each is answered from where it was asked`() throws {
            let directory = try TestDirectory()
            try directory.write(
                """
                listen: ["[::]:5300", "0.0.0.0:5300"]
                upstreams: ["127.0.0.1:9"]
                local: "one.example. 300 IN A 192.0.2.1"
                control: off
                user: root
                """, to: "vireo.yaml")
            let script = """
                PATH=$PATH:/usr/sbin:/sbin
                ip link set lo up
                ip addr add 10.9.0.1/32 dev lo
                ip addr add 2001:db8::1/128 dev lo nodad
                \(VireoServer.binary) serve --config \(directory.file("vireo.yaml")) & vireo=$!
                trap 'kill $vireo; wait' EXIT
                ask() { dig +short +tries=1 +time=1 -p 5300 one.example "$@" || echo none; }
                for try in $(seq 200); do [ "$(ask @127.0.0.1)" = 192.0.2.1 ] && break; sleep 0.05; done
                for place in 127.0.0.1 10.9.0.1 ::1 2001:db8::1; do ask @$place; ask @$place +tcp; done
                """
            let tool = try PrivateNetwork.shell(script)
            #expect(tool.output.split(separator: "\n") == Array(repeating: "192.0.2.1", count: 8), "\(tool.output)\(tool.errors)")
        }
    }
}
