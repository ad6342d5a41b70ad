internal import Glibc
internal import Green

/// The files of a list as they are at a moment.
struct ListFiles: Sendable, Equatable {
    /// A file, and what tells that it has changed.
    struct File: Sendable, Equatable {
        /// Its path.
        let path: String
        /// The URL that it was downloaded from, where it was.
        let url: String?
        /// How it stands; nil where it is not there.
        let stamp: FileStamp?

        /// What an operator calls it.
        var name: String { url.map(ListURL.shown) ?? path }
    }

    /// The files, in order.
    let files: [File]
    /// Patterns that no file fits.
    let unmatched: [String]
    /// Whether there are more than may be.
    let hasTooMany: Bool

    /// So many files of a list are read.
    static let most = 1000

    /// Looks at the files that paths, patterns and URLs name; what is downloaded is in a directory. Blocks.
    init(_ patterns: [String], downloadedTo directory: String, _ access: any FileAccess) {
        var paths: [String] = []
        var urls: [String: String] = [:]
        var unmatched: [String] = []
        for pattern in patterns {
            let url = ListURL(pattern)
            let kept = url?.path(in: directory)
            if let kept { urls[kept] = pattern }
            let found = kept.map { [$0] } ?? (Self.isPattern(pattern) ? Self.matches(of: pattern) : [pattern])
            if found.isEmpty { unmatched.append(pattern) }
            for path in found where paths.count <= Self.most && !paths.contains(path) { paths.append(path) }
        }
        hasTooMany = paths.count > Self.most
        files = paths.prefix(Self.most).map { File(path: $0, url: urls[$0], stamp: access.stamp($0)) }
        self.unmatched = unmatched
    }

    /// Whether a path has wildcards.
    private static func isPattern(_ path: String) -> Bool { path.utf8.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B } }

    /// The files that fit a pattern, sorted.
    private static func matches(of pattern: String) -> [String] {
        var result = unsafe glob_t()
        defer { unsafe globfree(&result) }
        guard unsafe glob(pattern, 0, nil, &result) == 0 else { return [] }
        // SAFETY: `glob` says how many strings there are, which stay until `globfree`.
        return unsafe (0..<min(Int(result.gl_pathc), most + 1)).compactMap { index in
            unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
        }
    }
}
