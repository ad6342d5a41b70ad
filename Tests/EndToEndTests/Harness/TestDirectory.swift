import Foundation
import Synchronization
import TestSupport

/// A directory for a test, which is there until all tests are over: whatever a test has started may use it longer than the test
/// mentions it.
final class TestDirectory: Sendable {
    let path: String

    private static let made = Mutex<[String]>([])
    private static let removal: Void = {
        atexit { for path in TestDirectory.made.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) } }
    }()

    init() throws {
        path = NSTemporaryDirectory() + "vireo-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        // NSD may give up root's rights and must still read its zones.
        chmod(path, 0o755)
        _ = Self.removal
        Self.made.withLock { $0.append(path) }
    }

    /// The path of a file in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file into it, as a whole; returns its path.
    @discardableResult func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
        return file(name)
    }

    /// A file of the tests' own data.
    static func resource(_ name: String) -> String {
        SourceTree.file("Tests/Resources").appendingPathComponent(name).path
    }
}
