import DNSWire
import Foundation

/// NSD, serving the signed root zone of 2017 and zones of the tests' own.
final class NSDServer: Sendable {
    let port: UInt16
    private let directory: TestDirectory
    private let process: ManagedProcess

    /// Its address, as Vireo's configuration takes it.
    var address: String { "127.0.0.1:\(port)" }
    /// A client that asks it.
    var client: DNSClient { DNSClient(port: port) }

    /// Zones by name, each with the file that it is read from.
    static var allZones: [String: String] {
        [
            ".": TestDirectory.resource("root.zone"), "types.example.": TestDirectory.resource("zones/types.example.zone"),
            "child.example.": TestDirectory.resource("zones/child.example.zone"),
        ]
    }

    init(zones: [String: String] = NSDServer.allZones, port: UInt16 = FreePort.take()) throws {
        self.port = port
        directory = try TestDirectory()
        let configuration = Self.configuration(zones: zones, port: port, directory: directory)
        let file = try directory.write(configuration, to: "nsd.conf")
        process = try ManagedProcess(["nsd", "-d", "-c", file], environment: ["PATH": "/usr/sbin:/sbin:/usr/bin:/bin"])
        let probe = zones.keys.sorted().first!
        try eventually("NSD to answer; it says: \(process.errors)", within: .seconds(20)) {
            if let exit = process.exit { throw TimedOut(what: "NSD, which ended with \(exit): \(process.errors)") }
            return try? client.ask(.query(probe, .soa), within: .milliseconds(200))
        }
    }

    /// The text of nsd.conf(5).
    static func configuration(zones: [String: String], port: UInt16, directory: TestDirectory) -> String {
        let head = """
            server:
              ip-address: 127.0.0.1@\(port)
              port: \(port)
              username: ""
              chroot: ""
              database: ""
              server-count: 1
              rrl-ratelimit: 0
              pidfile: "\(directory.file("nsd.pid"))"
              xfrdfile: "\(directory.file("xfrd.state"))"
              zonelistfile: "\(directory.file("zone.list"))"
              zonesdir: "\(directory.path)"
              xfrdir: "\(directory.path)"
            remote-control:
              control-enable: no

            """
        return zones.sorted { $0.key < $1.key }.reduce(head) { text, zone in
            text + "zone:\n  name: \"\(zone.key)\"\n  zonefile: \"\(zone.value)\"\n"
        }
    }
}
