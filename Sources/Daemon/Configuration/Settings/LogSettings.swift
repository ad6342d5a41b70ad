package import Logging

/// What is logged.
package struct LogSettings: Sendable, Equatable {
    /// Records below this level are left out.
    package var level = Logger.Level.info

    /// The defaults.
    package init() {}
}
