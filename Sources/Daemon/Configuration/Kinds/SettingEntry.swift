/// A key as people see it, with what it holds in some settings.
package struct SettingEntry: Sendable {
    /// Its name within its section.
    package let name: String
    /// What people are told about it.
    package let facts: SettingFacts
    /// What may stand there; nil for a section.
    package let expected: String?
    /// What stands there, as the YAML file takes it; nil where there is nothing, or no line for it.
    package let value: String?
    /// The keys below it: those of a section, or those of each mapping in its value.
    package let members: [SettingEntry]

    /// Whether it has keys of its own instead of a value.
    package var isSection: Bool { expected == nil }
}
