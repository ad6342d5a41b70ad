import AnswerCache
import Foundation
import Green
import Testing

@testable import Daemon

/// What is written over, and what is not.
@Suite struct ReplacedFileTests {
    /// What these tests take for a file that may be replaced begins so.
    private static let good = Array("good".utf8)
    /// A file that must not be replaced.
    private struct Foreign: Error {}

    /// Replaces a file by a piece of text.
    private static func replace(_ path: String, _ text: String = "good new") throws {
        var pieces = [Array(text.utf8)]
        try LibeventLoop().files.replace(path, over: Self.fate) { pieces.popLast() }
    }

    /// Files that begin with `good` are replaced, with `later` kept aside, and others are not.
    private static func fate(_ head: [UInt8]) throws -> FileFate {
        if head.starts(with: Array("later".utf8)) { return .keptAside(suffix: ".later") }
        guard head.starts(with: good) else { throw Foreign() }
        return .replaced
    }

    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    /// Calls `body` with the path of a file that is not there yet, in a directory of its own.
    private static func withPath(_ body: (String) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "vireo-replace-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try body(directory + "/file")
    }

    @Test func `an absent file is made for its owner alone, and a good one replaced`() throws {
        try Self.withPath { path in
            try Self.replace(path)
            #expect(Self.text(path) == "good new")
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            try Self.replace(path, "good again")
            #expect(Self.text(path) == "good again")
        }
    }

    @Test(arguments: ["notes", ""])
    func `a file that is something else stays as it is`(_ content: String) throws {
        try Self.withPath { path in
            try content.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(throws: Foreign.self) { try Self.replace(path) }
            #expect(Self.text(path) == content)
            #expect(access(path + ".new", F_OK) != 0)
        }
    }

    @Test func `a pipe, a directory and a device behind a link are never replaced`() throws {
        try Self.withPath { path in
            try #require(mkfifo(path, 0o600) == 0)
            #expect(throws: SocketError.notRegular) { try Self.replace(path) }
            unlink(path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            #expect(throws: SocketError.notRegular) { try Self.replace(path) }
            rmdir(path)
            symlink("/dev/null", path)
            #expect(throws: SocketError.notRegular) { try Self.replace(path) }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
        }
    }

    @Test func `a link stays one, and what it leads to is replaced or made`() throws {
        try Self.withPath { path in
            symlink("target", path)
            try Self.replace(path)
            #expect(
                Self.text(path + "/../target") == nil
                    && Self.text((path as NSString).deletingLastPathComponent + "/target") == "good new")
            try Self.replace(path, "good again")
            #expect(Self.text(path) == "good again")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "target")
            symlink("loop", path + "-loop")
            symlink((path as NSString).lastPathComponent + "-loop", (path as NSString).deletingLastPathComponent + "/loop")
            #expect(throws: SocketError.self) { try Self.replace(path + "-loop") }
        }
    }

    @Test func `a file that is to be kept gets another name, unless something else has it`() throws {
        try Self.withPath { path in
            try "later".write(toFile: path, atomically: false, encoding: .utf8)
            try Self.replace(path)
            #expect(Self.text(path) == "good new" && Self.text(path + ".later") == "later")
            try "later 2".write(toFile: path, atomically: false, encoding: .utf8)
            try "notes".write(toFile: path + ".later", atomically: false, encoding: .utf8)
            #expect(throws: Foreign.self) { try Self.replace(path) }
            #expect(Self.text(path) == "later 2" && Self.text(path + ".later") == "notes")
        }
    }

    @Test func `what a killed process left gives way, and nothing else does`() throws {
        try Self.withPath { path in
            for left in ["good ol", ""] {
                try left.write(toFile: path + ".new", atomically: false, encoding: .utf8)
                try Self.replace(path)
                #expect(Self.text(path) == "good new")
            }
            try "notes".write(toFile: path + ".new", atomically: false, encoding: .utf8)
            #expect(throws: Foreign.self) { try Self.replace(path, "good again") }
            #expect(Self.text(path + ".new") == "notes" && Self.text(path) == "good new")
            unlink(path + ".new")
            try "notes".write(toFile: path + ".other", atomically: false, encoding: .utf8)
            symlink(path + ".other", path + ".new")
            #expect(throws: SocketError.notRegular) { try Self.replace(path, "good again") }
            #expect(Self.text(path + ".other") == "notes" && Self.text(path) == "good new")
        }
    }

    @Test func `while one process writes a file, another that wants to is refused and spoils nothing`() throws {
        try Self.withPath { path in
            var pieces = ["second", "good first "].map { Array($0.utf8) }
            try LibeventLoop().files.replace(path, over: Self.fate) {
                if pieces.count == 1 { #expect(throws: SocketError.fileInUse) { try Self.replace(path, "good other") } }
                return pieces.popLast()
            }
            #expect(Self.text(path) == "good first second")
            try Self.replace(path)
            #expect(Self.text(path) == "good new")
        }
    }

    @Test func `a file that others may have written is told`() throws {
        try Self.withPath { path in
            let files = LibeventLoop().files
            try Self.replace(path)
            try files.checkPrivate(path)
            for mode in [0o620, 0o602] as [mode_t] {
                chmod(path, mode)
                #expect(throws: SocketError.notPrivate) { try files.checkPrivate(path) }
            }
            chmod(path, 0o644)
            if geteuid() == 0 {
                chown(path, 12_345, 12_345)
                #expect(throws: SocketError.notPrivate) { try files.checkPrivate(path) }
            }
        }
    }
}
