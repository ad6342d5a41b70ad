package import Logging

/// What is logged.
package struct LogSettings: Sendable, Equatable {
    /// Records below this level are left out.
    package var level = Logger.Level.info
    /// What is logged of queries.
    package var queries = QueryLogSettings()

    /// The defaults.
    package init() {}
}
