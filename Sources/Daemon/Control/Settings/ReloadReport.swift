/// What came of reading the settings again.
enum ReloadOutcome {
    /// They are in force, as far as they can be.
    case taken(ReloadReport)
    /// Something is wrong with them, and nothing has changed.
    case refused(String)
}

/// What is different after settings were read again.
struct ReloadReport {
    /// A key that was given another value.
    struct Change {
        /// The key with its section.
        let key: String
        /// The value that it had.
        let former: String?
        /// The one that it was given.
        let given: String?
    }

    /// Keys whose new values are in force.
    let changed: [Change]
    /// Keys whose new values wait for a restart.
    let waiting: [Change]
    /// What is set and does nothing, or harm.
    let warnings: [String]

    /// Longer values are left out of the text.
    private static let longest = 60

    /// What has come of `given` in place of `former`; `waiting` are the keys that take a restart.
    init(from former: Settings, to given: Settings, waiting: [String]) {
        let (old, new) = (SettingsListing(former), SettingsListing(given))
        let changes = given.changes(from: former).map(\.key)
        func change(_ key: String) -> Change { Change(key: key, former: old.value(of: key), given: new.value(of: key)) }
        changed = changes.filter { !waiting.contains($0) }.map(change)
        self.waiting = changes.filter { waiting.contains($0) }.map(change)
        warnings = given.warnings
    }

    /// For people.
    var text: String {
        var lines = changed.map { "changed: " + Self.text($0, "now", "before") }
        lines += waiting.map { "needs a restart: " + Self.text($0, "in the file", "in force") }
        if changed.isEmpty { lines.insert("nothing changed", at: 0) }
        lines += warnings.map { "warning: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(_ change: Change, _ new: String, _ old: String) -> String {
        let (given, former) = (change.given ?? "not set", change.former ?? "not set")
        guard given != former, max(given.count, former.count) <= longest else { return change.key }
        return "\(change.key): \(given) \(new), \(former) \(old)"
    }

    /// For programs.
    func write(to writer: inout JSONWriter) {
        for (name, changes) in [("changed", changed), ("restart", waiting)] {
            writer.key(name)
            writer.array { writer in
                for change in changes {
                    writer.object { writer in
                        writer.member("key", change.key)
                        writer.member("value", change.given)
                        writer.member("former", change.former)
                    }
                }
            }
        }
        writer.key("warnings")
        writer.array { writer in for warning in warnings { writer.value(warning) } }
    }
}
