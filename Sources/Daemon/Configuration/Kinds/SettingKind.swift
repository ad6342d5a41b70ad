internal import Resolver

/// A kind of value: how it is read, how it is written, and what to call it when something else was given.
package struct SettingKind<Value: Sendable & Equatable>: Sendable {
    /// What a message says was expected.
    package let expected: String
    /// Reads a value.
    package let read: @Sendable (ConfigurationNode) throws(ConfigurationError) -> Value
    /// Writes a value as the YAML file takes it; nil when there is none to write.
    package let print: @Sendable (Value) -> String?
    /// The keys of each mapping in a value.
    package var members: [SettingEntry] = []

    /// A kind that reads one word; where it must be one of `words`, the nearest is told.
    package static func word(
        _ expected: String, words: [String] = [],
        print: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) -> Value?
    ) -> SettingKind {
        SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                let text = try node.text(expected: expected)
                guard let value = read(text) else {
                    let hint = ConfigurationError.nearest(to: text, among: words).map { "; did you mean \($0)?" } ?? ""
                    throw node.failure("\(quoted(text)) is not that", expected: expected + hint)
                }
                return value
            },
            print: print)
    }

    /// A word that is secret, or may have something secret in it: a message about a bad one does not repeat it. Without `print` it
    /// is shown nowhere.
    static func secret(
        _ expected: String, print: @escaping @Sendable (Value) -> String? = { _ in nil },
        read: @escaping @Sendable (String) -> Value?
    ) -> SettingKind {
        SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                guard case .scalar(let text) = node.content, let value = read(text) else {
                    throw node.failure("what is given is not that", expected: expected)
                }
                return value
            },
            print: print)
    }

    /// A list, of which each element is read by a table. `admit` throws where an element does not go with those before it.
    static func elements<Element>(
        _ expected: String, of table: SettingsTable<Element>, _ fresh: @escaping @Sendable () -> Element,
        admit: @escaping @Sendable (Element, [Element], ConfigurationNode) throws(ConfigurationError) -> Void = { _, _, _ in }
    ) -> SettingKind where Value == [Element] {
        SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                var values: [Element] = []
                var faults = ConfigurationFaults()
                for item in try node.elements(expected: expected) {
                    faults.collect { () throws(ConfigurationError) in
                        var value = fresh()
                        try table.read(item, into: &value)
                        try admit(value, values, item)
                        values.append(value)
                    }
                }
                try faults.check()
                return values
            },
            print: { _ in nil }, members: table.entries(of: fresh()))
    }

    /// The same, where a scalar may stand for it, as `short` reads it.
    func orScalar(_ short: @escaping @Sendable (ConfigurationNode) throws(ConfigurationError) -> Value) -> SettingKind {
        SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                if case .scalar = node.content { return try short(node) }
                return try read(node)
            },
            print: print, members: members)
    }

    /// A list of the kind `element`, or one of them without brackets.
    static func oneOrMore<Element>(
        of element: SettingKind<Element>, _ plural: String
    ) -> SettingKind where Value == [Element] {
        list(of: element, plural).orScalar { node throws(ConfigurationError) in [try element.read(node)] }
    }

    /// The kind `element` where there may be no value.
    package static func optional<Element>(_ element: SettingKind<Element>) -> SettingKind where Value == Element? {
        SettingKind(
            expected: element.expected,
            read: { node throws(ConfigurationError) in try element.read(node) },
            print: { value in value.flatMap { element.print($0) } }, members: element.members)
    }

    /// A list of at least one value of the kind `element`, none of them twice.
    package static func list<Element>(
        of element: SettingKind<Element>, _ plural: String
    ) -> SettingKind where Value == [Element] {
        let expected = "a list of \(plural)"
        return SettingKind(
            expected: expected,
            read: { node throws(ConfigurationError) in
                var values: [Element] = []
                var faults = ConfigurationFaults()
                for item in try node.elements(expected: expected) {
                    faults.collect { () throws(ConfigurationError) in
                        let value = try element.read(item)
                        if values.contains(value) {
                            throw item.failure("\(item.content) stands there twice", expected: "each once")
                        }
                        values.append(value)
                    }
                }
                try faults.check()
                if values.isEmpty { throw node.failure("the list is empty", expected: expected) }
                return values
            },
            print: { values in
                values.isEmpty ? nil : "[" + values.compactMap { element.print($0) }.joined(separator: ", ") + "]"
            })
    }
}
