/// Where the value of a key comes from.
package struct SettingOrigin: Sendable, Equatable {
    /// The file and the line, or the option of the command line.
    package let place: String
    /// The value as it was written, in one line of YAML; without passwords.
    package let text: String
}

extension Settings {
    /// Remembers of each key of a mapping where it stands.
    mutating func noteOrigins(_ node: ConfigurationNode) {
        noteOrigins(of: Self.table.entries(of: Settings()), node, below: "")
    }

    private mutating func noteOrigins(of entries: [SettingEntry], _ node: ConfigurationNode, below section: String) {
        for entry in entries {
            guard let value = node.value(of: entry.name) else { continue }
            let key = section + entry.name
            if entry.isSection {
                noteOrigins(of: entry.members, value, below: "\(key).")
            } else {
                var place = value.keyPlace ?? value.place
                (place.key, place.column) = ("", nil)
                origins[key] = SettingOrigin(place: "\(place)", text: value.line)
            }
        }
    }
}
