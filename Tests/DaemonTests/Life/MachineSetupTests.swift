import Foundation
import Testing

@testable import Daemon

/// What `vireo setup` changes, on machines that are made of a few files.
@Suite struct MachineSetupTests {
    /// Runs `body` on a machine with these files and directories (whose names end in a slash).
    private func withMachine(_ files: [String: String], _ body: (MachineSetup, String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("vireo-setup-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            let directory = path.hasSuffix("/") ? root + path : (root + path as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            if !path.hasSuffix("/") { try text.write(toFile: root + path, atomically: true, encoding: .utf8) }
        }
        try body(MachineSetup(root: root + "/"), root)
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private func files(_ root: String) -> [String: String] {
        let paths = (FileManager.default.enumerator(atPath: root)?.allObjects as? [String]) ?? []
        return Dictionary(uniqueKeysWithValues: paths.compactMap { path in text("\(root)/\(path)").map { (path, $0) } })
    }

    private static let machines: [(keeper: MachineSetup.Keeper, files: [String: String], wanted: [String: String], run: Int)] = [
        (
            .nobody, ["/etc/resolv.conf": "search home.example\nnameserver 192.0.2.1\n"],
            ["/etc/resolv.conf": "\nnameserver 127.0.0.1\noptions edns0 trust-ad\nsearch home.example\n"], 0
        ),
        (
            .networkManager, ["/etc/resolv.conf": "nameserver 192.0.2.1\n", "/run/NetworkManager/": ""],
            ["/etc/resolv.conf": "\nnameserver 127.0.0.1\n", "/etc/NetworkManager/conf.d/90-vireo.conf": "\n[main]\ndns=none\n"],
            1
        ),
        (
            .resolved, ["/etc/resolv.conf": "nameserver 127.0.0.53\n", "/run/systemd/resolve/": ""],
            ["/etc/systemd/resolved.conf.d/90-vireo.conf": "\n[Resolve]\nDNS=127.0.0.1\nDomains=~.\n"], 1
        ),
        (
            .resolvconf,
            ["/etc/resolvconf/resolv.conf.d/head": "# of the operator\n", "/etc/resolv.conf": "nameserver 192.0.2.1\n"],
            ["/etc/resolvconf/resolv.conf.d/head": "\nnameserver 127.0.0.1\n"], 1
        ),
    ]

    @Test(arguments: machines.indices)
    func `what is done for each keeper of resolv conf is undone to the letter, and done once only`(index: Int) throws {
        let machine = Self.machines[index]
        try withMachine(machine.files) { setup, root in
            #expect(setup.keeper == machine.keeper)
            let before = files(root)
            let steps = setup.steps()
            #expect(files(root) == before, "a plan changes nothing")
            #expect(steps.count { if case .run = $0 { true } else { false } } == machine.run)
            for step in steps { try setup.apply(step) }
            for (path, part) in machine.wanted {
                let found = text(root + path)
                #expect(found?.contains(part) == true && found?.hasPrefix(MachineSetup.mark) == true, "\(path): \(found ?? "")")
            }
            #expect(setup.steps().isEmpty)
            for step in setup.undoSteps() { try setup.apply(step) }
            #expect(files(root) == before)
            #expect(setup.undoSteps().isEmpty)
        }
    }

    @Test func `a link to a stub is kept as a link, and put back`() throws {
        try withMachine(["/run/stub.conf": "nameserver 192.0.2.1\n", "/etc/": ""]) { setup, root in
            try FileManager.default.createSymbolicLink(atPath: root + "/etc/resolv.conf", withDestinationPath: "../run/stub.conf")
            for step in setup.steps() { try setup.apply(step) }
            #expect(text(root + "/run/stub.conf") == "nameserver 192.0.2.1\n")
            #expect(text(root + "/etc/resolv.conf")?.contains("127.0.0.1") == true)
            for step in setup.undoSteps() { try setup.apply(step) }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: root + "/etc/resolv.conf") == "../run/stub.conf")
        }
    }

    @Test func `files that are not ours are never taken back`() throws {
        try withMachine(["/etc/resolv.conf": "nameserver 127.0.0.1\n", "/etc/resolv.conf.before-vireo": "old\n"]) { setup, _ in
            #expect(setup.undoSteps().isEmpty)
        }
    }

    @Test func `it says whom to ask upstream, as long as that can be told`() throws {
        try withMachine(["/etc/resolv.conf": "nameserver 192.0.2.1\nnameserver 127.0.0.1\n"]) { setup, _ in
            #expect(setup.upstreams == "[\"192.0.2.1\"]")
            for step in setup.steps() { try setup.apply(step) }
            #expect(setup.upstreams == "[\"192.0.2.1\"]")
        }
        try withMachine(["/run/NetworkManager/": ""]) { setup, _ throws in
            #expect(setup.upstreams == "from /run/NetworkManager/no-stub-resolv.conf")
            // What it says can be read.
            #expect(try read("upstreams: \(setup.upstreams ?? "")").upstreamsFrom == "/run/NetworkManager/no-stub-resolv.conf")
        }
        try withMachine([:]) { setup, _ in #expect(setup.upstreams == nil) }
    }
}
