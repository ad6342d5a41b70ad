internal import Resolver

/// A value as it was written, with the place where it stands.
package struct ConfigurationNode: Sendable {
    /// What was written.
    package indirect enum Content: Sendable {
        /// Nothing after the colon.
        case empty
        /// A word, a number or a quoted text.
        case scalar(String)
        /// `[a, b]`, or lines that start with a dash.
        case list([ConfigurationNode])
        /// `{a: b}`, or indented lines; in the order of the file.
        case mapping([(key: String, value: ConfigurationNode)])
    }

    /// Where it stands.
    package var place: ConfigurationPlace
    /// Where the key stands that it is the value of.
    package var keyPlace: ConfigurationPlace?
    /// What it is.
    package var content: Content

    /// A value at its place.
    package init(_ content: Content, at place: ConfigurationPlace) {
        self.place = place
        self.content = content
    }

    /// The text of a scalar; anything else is an error.
    package func text(expected: String) throws(ConfigurationError) -> String {
        guard case .scalar(let text) = content else { throw failure("\(content) is given", expected: expected) }
        return text
    }

    /// The elements of a list; anything else is an error.
    package func elements(expected: String) throws(ConfigurationError) -> [ConfigurationNode] {
        guard case .list(let elements) = content else { throw failure("\(content) is given", expected: expected) }
        return elements
    }

    /// The value of `key` in a mapping.
    package func value(of key: String) -> ConfigurationNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    /// The error that this value is not as it should be.
    package func failure(_ problem: String, expected: String) -> ConfigurationError {
        .badValue(place, problem: problem, expected: expected)
    }
}

extension ConfigurationNode.Content: CustomStringConvertible {
    /// The form of the value in words, for messages.
    package var description: String {
        switch self {
        case .empty: "nothing"
        case .scalar(let text): quoted(text)
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}
