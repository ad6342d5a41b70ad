internal import CUnistring
internal import DNSWire
internal import Glibc
internal import NameRules

/// Names with other letters than ASCII's, as the DNS holds them (RFC 5890).
enum InternationalName {
    /// So many bytes of text at most.
    private static let longest = 1024

    /// Reads a name in UTF-8 into its `xn--` form; nil where it is none.
    static func read(_ text: String) -> Name? {
        // Canonical composition can make text three times as long (UAX 15); what is longer before is no name.
        guard text.utf8.count <= longest, let bytes = composed(Array(text.utf8)), bytes.count <= longest,
            let labels = Punycode.labels(bytes.span)
        else { return nil }
        return try? Name(labels: labels)
    }

    /// Text with each letter and its accents as one sign where there is one (NFC), as RFC 5891 5.2 wants it; nil without memory.
    private static func composed(_ text: [UInt8]) -> [UInt8]? {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        var count = 0
        guard let made = unsafe vireo_compose(text, text.count, &count) else { return nil }
        defer { unsafe free(made) }
        return unsafe Array(UnsafeBufferPointer(start: made, count: count))
    }
}
