import Foundation

/// The source tree that the tests were built from.
package enum SourceTree {
    /// Its top folder.
    package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A file or folder in it, by its path from the top.
    package static func file(_ path: String) -> URL { root.appendingPathComponent(path) }
}
