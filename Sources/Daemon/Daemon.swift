/// Why the daemon does not run, or stopped.
package enum DaemonError: Error, Hashable, Sendable {
    /// This build has no listeners.
    case notServing
}

extension DaemonError: CustomStringConvertible {
    /// One line that says what to do.
    package var description: String {
        switch self {
        case .notServing: "this build has no listeners yet"
        }
    }
}

/// The daemon as a whole.
package enum Daemon {
    /// Serves with `settings` until a signal ends it. `reload` reads the settings anew on SIGHUP.
    package static func run(
        settings: Settings, reload: @escaping @Sendable () throws(ConfigurationError) -> Settings
    ) throws(DaemonError) {
        throw .notServing
    }
}
