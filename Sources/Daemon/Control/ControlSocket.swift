internal import Glibc

/// Where the control socket is.
package enum ControlSocket {
    /// What the configuration says about it.
    package enum Setting: Sendable, Hashable {
        /// Where it usually is, if it can be made there.
        case usual
        /// Nowhere.
        case off
        /// At a path.
        case path(String)

        /// The path, where one is given.
        var path: String? {
            if case .path(let path) = self { return path }
            return nil
        }
    }

    /// The system's own place.
    private static let systemPath = "/run/vireo/control.sock"

    /// Where a daemon that was told nothing makes it: in the directory that systemd made for it, else in /run/vireo where
    /// it may, else in the user's own; nil where there is no such place.
    static func usualPath() -> String? {
        if let directory = environment("RUNTIME_DIRECTORY")?.split(separator: ":").first { return "\(directory)/control.sock" }
        if makeDirectory("/run/vireo", mode: 0o755) { return systemPath }
        if let own = ownPath, makeDirectory(String(own.dropLast("/control.sock".count)), mode: 0o700) { return own }
        return nil
    }

    /// Where a client that was told nothing looks for it, one after the other: the user's own daemon before the system's.
    package static var places: [String] { [ownPath].compactMap(\.self) + [systemPath] }

    /// The path for a user's own daemon.
    private static var ownPath: String? {
        environment("XDG_RUNTIME_DIR").map { "\($0)/vireo/control.sock" }
    }

    /// Whether there is a directory to write to, which is made where it is missing.
    private static func makeDirectory(_ path: String, mode: mode_t) -> Bool {
        _ = unsafe mkdir(path, mode)
        return unsafe access(path, W_OK | X_OK) == 0
    }

    private static func environment(_ name: String) -> String? {
        let value = unsafe getenv(name).map { unsafe String(cString: $0) }
        return value?.isEmpty == false ? value : nil
    }
}
