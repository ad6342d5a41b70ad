import DNSWire
import Foundation
import TestSupport

/// The built program, serving on a free port.
final class VireoServer: Sendable {
    /// The program: VIREO_BINARY, else the newest of the release and debug builds.
    static let binary: String = {
        if let path = ProcessInfo.processInfo.environment["VIREO_BINARY"] { return path }
        let builds = ["release", "debug"].map { SourceTree.file(".build/\($0)/vireo").path }
        func date(_ path: String) -> Date {
            (try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date) ?? .distantPast
        }
        return builds.max { date($0) < date($1) }!
    }()

    let port: UInt16
    let process: ManagedProcess
    /// Where its control socket is.
    let controlPath: String
    private let directory: TestDirectory

    /// A client that asks it.
    var client: DNSClient { DNSClient(port: port) }

    /// Starts it with upstreams and further lines of YAML, and waits until it answers.
    init(
        upstreams: [String], _ more: String = "", port: UInt16 = FreePort.take(), control: String? = nil,
        environment: [String: String] = [:], listen: [String] = []
    ) throws {
        self.port = port
        directory = try TestDirectory()
        controlPath = control ?? directory.file("control.sock")
        let file = try directory.write(
            Self.yaml(port: port, control: controlPath, upstreams: upstreams, more, listen: listen), to: "vireo.yaml")
        process = try ManagedProcess([Self.binary, "serve", "--config", file], environment: environment)
        try waitUntilServing()
    }

    /// The text of a configuration.
    private static func yaml(
        port: UInt16, control: String, upstreams: [String], _ more: String, listen: [String] = []
    ) -> String {
        let list = upstreams.map { "\"\($0)\"" }.joined(separator: ", ")
        let others = listen.map { ", \"\($0)\"" }.joined()
        return "listen: [\"127.0.0.1:\(port)\"\(others)]\nupstreams: [\(list)]\ncontrol: \"\(control)\"\n\(more)\n"
    }

    /// Replaces its configuration and has it read again; waits until `condition` holds.
    func reload(upstreams: [String], _ more: String = "", until condition: () throws -> Bool) throws {
        try reload(yaml: Self.yaml(port: port, control: controlPath, upstreams: upstreams, more), until: condition)
    }

    /// Replaces its configuration, and has nobody read it.
    func write(upstreams: [String], _ more: String = "") throws {
        try directory.write(Self.yaml(port: port, control: controlPath, upstreams: upstreams, more), to: "vireo.yaml")
    }

    /// Replaces its configuration by any text.
    func reload(yaml: String, until condition: () throws -> Bool) throws {
        try directory.write(yaml, to: "vireo.yaml")
        process.send(SIGHUP)
        try eventually("the reload to show; it says: \(process.errors)") { try condition() ? true : nil }
    }

    /// Waits for the first answer: any rcode will do.
    private func waitUntilServing() throws {
        try eventually("vireo to answer; it says: \(process.errors)") {
            if let exit = process.exit { throw TimedOut(what: "vireo, which ended with \(exit): \(process.errors)") }
            return try? client.ask(.query("id.server", .txt, class: .chaos), within: .milliseconds(200))
        }
    }

    /// Asks it for a name and a type.
    func ask(
        _ name: String, _ type: RecordType, over transport: ClientTransport = .udp, edns: EDNS? = nil
    ) throws -> Message {
        try client.ask(name, type, over: transport, edns: edns)
    }
}
