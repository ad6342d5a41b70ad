/// The settings in force, each with where it comes from. As text it is YAML that says the same as the file, but for passwords,
/// which are left out.
struct SettingsListing {
    /// One key.
    struct Line {
        /// The key with its sections.
        let path: [String]
        /// Its value as YAML; nil where there is none, and for a section.
        let value: String?
        /// Where the value comes from; nil for a section.
        let origin: String?
        /// Whether a file that has the line would say something else than this; it is shown as a comment.
        var isComment = false
    }

    /// From the first key of the table to the last, sections before their keys.
    private(set) var lines: [Line] = []

    /// What values without an origin of their own come from.
    private static let builtIn = "default"
    /// What stands for a value that is secret as a whole.
    private static let hidden = "***"

    /// The lines of some settings. What was found out for keys that have no value is `found`.
    init(_ settings: Settings, found: [String: SettingOrigin] = [:]) {
        add(Settings.table.entries(of: settings), settings.origins, found, [])
    }

    private mutating func add(
        _ entries: [SettingEntry], _ origins: [String: SettingOrigin], _ found: [String: SettingOrigin], _ section: [String]
    ) {
        for entry in entries {
            let path = section + [entry.name]
            guard !entry.isSection else {
                lines.append(Line(path: path, value: nil, origin: nil))
                add(entry.members, origins, found, path)
                continue
            }
            let key = path.joined(separator: ".")
            if let origin = origins[key] {
                let isHidden = entry.facts.isSecret && entry.value == nil
                let value = entry.facts.isSecret ? entry.value ?? Self.hidden : origin.text
                lines.append(Line(path: path, value: value, origin: origin.place, isComment: isHidden))
            } else if entry.value == nil, let origin = found[key] {
                lines.append(Line(path: path, value: origin.text, origin: origin.place))
            } else {
                let isComment = entry.value == nil || entry.facts.example != nil
                lines.append(Line(path: path, value: entry.value, origin: Self.builtIn, isComment: isComment))
            }
        }
    }

    /// The value of a key.
    func value(of key: String) -> String? {
        lines.first { $0.path.joined(separator: ".") == key }?.value
    }

    /// For people.
    var text: String {
        lines.map { line in
            let indent = String(repeating: "  ", count: line.path.count - 1)
            let name = line.path.last ?? ""
            guard let origin = line.origin else { return "\(indent)\(name):\n" }
            guard let value = line.value else { return "\(indent)# \(name): not set\n" }
            return "\(indent)\(line.isComment ? "# " : "")\(name): \(value)  # \(origin)\n"
        }.joined()
    }

    /// For programs.
    func write(to writer: inout JSONWriter) {
        writer.key("settings")
        writer.array { writer in
            for line in lines {
                guard let origin = line.origin else { continue }
                writer.object { writer in
                    writer.member("key", line.path.joined(separator: "."))
                    writer.member("value", line.value)
                    writer.member("from", origin)
                }
            }
        }
    }
}
