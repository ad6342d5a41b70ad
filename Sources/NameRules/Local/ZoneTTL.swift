internal import DNSWire

/// Times to live as zone files have them: in seconds, or with the units of BIND (`1w2d3h4m5s`).
enum ZoneTTL {
    /// Reads a time to live; nil where it is none.
    static func seconds(_ text: some StringProtocol) -> UInt32? {
        // As many digits as ten units can have; longer ones are none.
        guard (1...maximumLength).contains(text.utf8.count) else { return nil }
        var (total, number): (UInt64, UInt64?) = (0, nil)
        var hasUnit = false
        for byte in text.utf8 {
            if byte &- 0x30 < 10 {
                number = (number ?? 0) * 10 + UInt64(byte - 0x30)
                guard let number, number <= UInt64(UInt32.max) else { return nil }
            } else {
                guard let count = number, let unit = unit(byte) else { return nil }
                total += count * unit
                guard total <= UInt64(UInt32.max) else { return nil }
                (number, hasUnit) = (nil, true)
            }
        }
        guard let number else { return UInt32(total) }
        return hasUnit ? nil : UInt32(number)
    }

    /// The longest text.
    private static var maximumLength: Int { 64 }

    /// How many seconds a unit has.
    private static func unit(_ letter: UInt8) -> UInt64? {
        switch letter | 0x20 {
        case 0x77: 604_800
        case 0x64: 86400
        case 0x68: 3600
        case 0x6D: 60
        case 0x73: 1
        default: nil
        }
    }

    /// Reads a record whose time to live may have units.
    static func record(_ text: String, origin: Name = .root, defaultTTL: UInt32) -> ResourceRecord? {
        if let record = try? ResourceRecord(text: text, origin: origin, defaultTTL: defaultTTL) { return record }
        guard let plain = inSeconds(text) else { return nil }
        return try? ResourceRecord(text: plain, origin: origin, defaultTTL: defaultTTL)
    }

    /// A record's text with its time to live in seconds, where it had units: behind the owner or the class.
    private static func inSeconds(_ text: String) -> String? {
        let words = text.split(maxSplits: 3, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
        guard words.count > 2, text.utf8.first.map({ $0 != 0x20 && $0 != 0x09 }) == true else { return nil }
        for word in words[1...2] {
            if let seconds = seconds(word) { return text[..<word.startIndex] + String(seconds) + text[word.endIndex...] }
            guard RecordClass(String(word)) != nil else { return nil }
        }
        return nil
    }
}
