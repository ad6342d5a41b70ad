internal import DNSWire
internal import Foundation
internal import NameRules

/// Names with other letters than ASCII's, as the DNS holds them (RFC 5890).
enum InternationalName {
    /// Reads a name in UTF-8 into its `xn--` form; nil where it is none.
    static func read(_ text: String) -> Name? {
        // Letters with their accents as one sign each, as RFC 5891 5.2 wants them.
        let bytes = Array(text.precomposedStringWithCanonicalMapping.utf8)
        guard bytes.count <= 1024, let labels = Punycode.labels(bytes.span) else { return nil }
        return try? Name(labels: labels)
    }
}
