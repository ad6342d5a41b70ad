/// One key of the configuration: everything that there is to know about it.
package struct SettingKey<Root: Sendable>: Sendable {
    /// Its name within its section.
    package let name: String
    /// Reads a value into its place.
    package let read: @Sendable (ConfigurationNode, inout Root) throws(ConfigurationError) -> Void
    /// Names what differs between two roots, and whether that can change while the daemon runs.
    package let difference: @Sendable (Root, Root) -> [SettingChange]
    /// Puts the first root's value into the second where it cannot change while the daemon runs.
    package let keepFixed: @Sendable (Root, inout Root) -> Void
    /// The lines that explain it in `config/vireo.yaml`, with the value of a root as its default.
    package let explanation: @Sendable (Root) -> [String]
    /// What people see of it, with its value in a root.
    package let entry: @Sendable (Root) -> SettingEntry

    /// A key that holds one value. Without a default to show, `example` is shown, commented out.
    package static func value<Value>(
        _ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ kind: SettingKind<Value>,
        _ facts: SettingFacts
    ) -> SettingKey {
        SettingKey(
            name: name,
            read: { node, root throws(ConfigurationError) in root[keyPath: path] = try kind.read(node) },
            difference: { old, new in
                let isSame = old[keyPath: path] == new[keyPath: path]
                return isSame ? [] : [SettingChange(key: name, isReloadable: !facts.needsRestart)]
            },
            keepFixed: { old, new in
                if facts.needsRestart, new[keyPath: path] != old[keyPath: path] { new[keyPath: path] = old[keyPath: path] }
            },
            explanation: { root in
                let comment = "# \(facts.summary)" + (facts.needsRestart ? " Changes with a restart only." : "")
                if let example = facts.example { return [comment, "# \(name): \(example)"] }
                return [comment, "\(name): \(kind.print(root[keyPath: path]) ?? "")"]
            },
            entry: { root in
                let value = kind.print(root[keyPath: path])
                return SettingEntry(name: name, facts: facts, expected: kind.expected, value: value, members: kind.members)
            })
    }

    /// A key that holds a mapping with keys of its own.
    package static func section<Section: Sendable>(
        _ name: String, _ path: any WritableKeyPath<Root, Section> & Sendable, _ table: SettingsTable<Section>,
        _ facts: SettingFacts
    ) -> SettingKey {
        SettingKey(
            name: name,
            read: { node, root throws(ConfigurationError) in
                if case .empty = node.content { return }
                try table.read(node, into: &root[keyPath: path])
            },
            difference: { old, new in
                table.difference(from: old[keyPath: path], to: new[keyPath: path]).map { change in
                    SettingChange(key: "\(name).\(change.key)", isReloadable: change.isReloadable)
                }
            },
            keepFixed: { old, new in
                for key in table.keys { key.keepFixed(old[keyPath: path], &new[keyPath: path]) }
            },
            explanation: { root in
                let parts = table.keys.map { $0.explanation(root[keyPath: path]) }
                // A section whose keys are all commented out is commented out as a whole.
                guard parts.allSatisfy({ $0.allSatisfy { $0.hasPrefix("#") } }) else {
                    return ["# \(facts.summary)", "\(name):"] + parts.joined().map { "  \($0)" }
                }
                let lines = parts.flatMap { part in [part[0]] + part.dropFirst().map { String($0.dropFirst(2)) } }
                return ["# \(facts.summary)", "# \(name):"] + lines.map { "#   \($0)" }
            },
            entry: { root in
                let members = table.entries(of: root[keyPath: path])
                return SettingEntry(name: name, facts: facts, expected: nil, value: nil, members: members)
            })
    }
}

/// What people are told about a key.
package struct SettingFacts: Sendable {
    /// One line of why it is there.
    package let summary: String
    /// What may be written, for a key without a default that could be shown.
    package let example: String?
    /// Whether it keeps its value until the daemon starts again.
    package let needsRestart: Bool
    /// Whether part of its value is nobody else's business; its kind leaves that out when it prints it.
    package let isSecret: Bool

    /// The facts about a key.
    package init(_ summary: String, example: String? = nil, needsRestart: Bool = false, isSecret: Bool = false) {
        self.summary = summary
        self.example = example
        self.needsRestart = needsRestart
        self.isSecret = isSecret
    }
}

/// A key whose value differs between two settings.
package struct SettingChange: Sendable, Hashable {
    /// The key with its section, such as `cache.size`.
    package let key: String
    /// Whether the new value can be taken over while the daemon runs.
    package let isReloadable: Bool
}
