// What the process gives up for good before any thread of its own runs, whoever starts it: it writes, makes and removes files only
// in the directories of those files that its settings name, and runs no program (Landlock, landlock(7)). Reading stays free: the
// paths of lists, certificates and the settings themselves may change with a reload. It costs a look at each file that is opened,
// and nothing where queries are answered.

internal import CDaemon
internal import Glibc
internal import Green
internal import Resolver

/// What files this process may write to.
package struct Sandbox: Sendable {
    /// The directories that may be written to, with all below them, without symbolic links; nil where all may be.
    private let directories: Set<String>?
    /// What is in force, or why nothing is.
    package let description: String
    /// The directories that the settings of the start named, whether they were there or not.
    private var named: Set<String> = []
    /// Why nothing is, where it should be.
    var fault: String?
    /// Directories that were not there, with their keys: they cannot be written to, should they come.
    var missing: [String] = []

    /// Where a path that is written to stands in the settings.
    struct WrittenPath {
        /// The key with its section.
        let key: String
        /// The file.
        let path: String
        /// Whether it is a socket, which is made at the start only.
        var isSocket = false
    }

    /// Gives up for good what `settings` do not need. Call it before any other thread is started, which would not be bound.
    /// Where the kernel has no Landlock, or a container's rules forbid it, all stays as it was.
    package static func enter(for settings: Settings) -> Sandbox {
        guard settings.sandbox else { return Sandbox(directories: nil, description: "off") }
        let version = vireo_landlock_version()
        guard version > 0 else {
            guard errno != ENOSYS, errno != EOPNOTSUPP else {
                return Sandbox(directories: nil, description: "none: the kernel has no Landlock")
            }
            // A filter of system calls forbids it.
            let error = SocketError(errno: errno, call: "landlock_create_ruleset")
            return Sandbox(directories: nil, description: "none", fault: "Landlock: \(error.reason)")
        }
        var (granted, named, missing): (Set<String>, Set<String>, [String]) = ([], [], [])
        do throws(SocketError) {
            let rules = try Ruleset(version: version)
            for written in settings.writtenPaths {
                for directory in directories(of: written.path) {
                    named.insert(directory)
                    if try rules.allow(beneath: directory, isSocket: written.isSocket), let path = Self.real(directory) {
                        granted.insert(path)
                    } else if settings.origins[written.key] != nil {
                        missing.append("\(written.key): \(directory)")
                    }
                }
            }
            try rules.enter()
        } catch {
            return Sandbox(directories: nil, description: "none", fault: "Landlock: \(error.reason)")
        }
        return Sandbox(directories: granted, description: "landlock \(version)", named: named, missing: missing)
    }

    /// Refuses settings of a reload that would have the process write where it no longer may.
    package func check(_ settings: Settings) throws(ConfigurationError) {
        guard let directories else { return }
        var faults = ConfigurationFaults()
        for written in settings.writtenPaths where !written.isSocket {
            guard
                let missing = Self.directories(of: written.path).first(where: {
                    !named.contains($0) && !isBelow($0, directories)
                })
            else { continue }
            faults.collect { () throws(ConfigurationError) in
                let place = ConfigurationPlace(source: settings.origins[written.key]?.place ?? "settings", key: written.key)
                throw .badValue(
                    place, problem: "\(quoted(missing)) is no directory that this process may write to since its start (sandbox)",
                    expected: "one that its settings named then, or a restart")
            }
        }
        try faults.check()
    }

    /// Whether a directory is one of some, or lies in one of them.
    private func isBelow(_ directory: String, _ granted: Set<String>) -> Bool {
        guard var path = Self.real(directory) else { return false }
        while !granted.contains(path) {
            guard path != "/" else { return false }
            path = Self.directory(of: path)
        }
        return true
    }

    /// A directory without symbolic links; nil where there is none.
    private static func real(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    /// The directory of a file, and those that symbolic links in its place lead to.
    static func directories(of path: String) -> [String] {
        var (path, directories) = (path, [directory(of: path)])
        for _ in 0..<40 {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            let count = unsafe readlink(path, &buffer, buffer.count - 1)
            guard count > 0 else { break }
            let link = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = link.hasPrefix("/") ? link : "\(directory(of: path))/\(link)"
            directories.append(directory(of: path))
        }
        return directories
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension Settings {
    /// The files that the daemon writes to.
    var writtenPaths: [Sandbox.WrittenPath] {
        var paths = [Sandbox.WrittenPath(key: "lists-directory", path: rules.listsDirectory + "/list")]
        if let snapshot = cache.snapshot { paths.append(Sandbox.WrittenPath(key: "cache.snapshot", path: snapshot)) }
        if case .file(let path) = log.queries.place { paths.append(Sandbox.WrittenPath(key: "log.queries.to", path: path)) }
        let socket =
            switch control {
            case .usual: ControlSocket.usualPath()
            case .path(let path): path
            case .off: String?.none
            }
        if let socket { paths.append(Sandbox.WrittenPath(key: "control", path: socket, isSocket: true)) }
        return paths
    }
}

/// A set of Landlock's rules that is being made.
private struct Ruleset: ~Copyable {
    private let descriptor: Int32
    private let handled: UInt64

    /// What may be done beneath a directory with files: write, make, replace, remove, cut short.
    private static let files: UInt64 = Access.writeFile | Access.removeFile | Access.makeRegular | Access.truncate

    /// Rights of linux/landlock.h.
    private enum Access {
        static let execute: UInt64 = 1 << 0
        static let writeFile: UInt64 = 1 << 1
        static let removeDirectory: UInt64 = 1 << 4
        static let removeFile: UInt64 = 1 << 5
        static let makeCharacterDevice: UInt64 = 1 << 6
        static let makeDirectory: UInt64 = 1 << 7
        static let makeRegular: UInt64 = 1 << 8
        static let makeSocket: UInt64 = 1 << 9
        static let makePipe: UInt64 = 1 << 10
        static let makeBlockDevice: UInt64 = 1 << 11
        static let makeLink: UInt64 = 1 << 12
        /// Since version 2.
        static let refer: UInt64 = 1 << 13
        /// Since version 3.
        static let truncate: UInt64 = 1 << 14
        /// Since version 5.
        static let controlDevice: UInt64 = 1 << 15
    }

    /// A set that allows nothing of what it governs: everything but reading, as far as `version` knows it. Other processes get no
    /// signals any more since version 6.
    init(version: Int) throws(SocketError) {
        var handled =
            Access.execute | Access.writeFile | Access.removeDirectory | Access.removeFile | Access.makeCharacterDevice
            | Access.makeDirectory | Access.makeRegular | Access.makeSocket | Access.makePipe | Access.makeBlockDevice
            | Access.makeLink
        if version >= 2 { handled |= Access.refer }
        if version >= 3 { handled |= Access.truncate }
        if version >= 5 { handled |= Access.controlDevice }
        var rules = vireo_landlock_ruleset(handled_access_fs: handled, handled_access_net: 0, scoped: version >= 6 ? 1 << 1 : 0)
        // The kernel takes what it knows: the first field alone before the others came.
        let size = version >= 6 ? MemoryLayout<vireo_landlock_ruleset>.size : MemoryLayout<UInt64>.size
        // SAFETY: the kernel reads `size` bytes of a structure that has them, within the call.
        descriptor = unsafe vireo_landlock_create(&rules, size)
        self.handled = handled
        guard descriptor >= 0 else { throw SocketError(errno: errno, call: "landlock_create_ruleset") }
    }

    deinit { close(descriptor) }

    /// Allows writing beneath a directory; false where it is not there.
    func allow(beneath path: String, isSocket: Bool) throws(SocketError) -> Bool {
        let directory = unsafe vireo_landlock_directory(path)
        guard directory >= 0 else { return false }
        defer { close(directory) }
        let access = isSocket ? Access.makeSocket | Access.removeFile : Self.files
        guard vireo_landlock_allow(descriptor, access & handled, directory) == 0 else {
            throw SocketError(errno: errno, call: "landlock_add_rule")
        }
        return true
    }

    /// Puts it in force.
    func enter() throws(SocketError) {
        guard vireo_landlock_enter(descriptor) == 0 else { throw SocketError(errno: errno, call: "landlock_restrict_self") }
    }
}
