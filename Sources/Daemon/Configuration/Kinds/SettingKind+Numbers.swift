extension SettingKind where Value == Int {
    /// A whole number.
    static func integer(_ range: ClosedRange<Int>) -> SettingKind {
        word("a whole number from \(range.lowerBound) to \(range.upperBound)", print: { "\($0)" }) { text in
            Int(digits: text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A number of bytes, as `64MiB` or `1GiB`: 0, or within the range. Without a unit nobody knows what was meant.
    static func size(_ range: ClosedRange<Int>) -> SettingKind {
        let units: [(name: String, factor: Int)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        let print: @Sendable (Int) -> String = { bytes in
            let unit = units.first { bytes >= $0.factor && bytes % $0.factor == 0 }
            return unit.map { "\(bytes / $0.factor)\($0.name)" } ?? "\(bytes)"
        }
        let bounds = "from \(print(range.lowerBound)) to \(print(range.upperBound))"
        return word("a size with its unit \(bounds), such as 64MiB or 1GiB, or 0 for none", print: print) { text in
            let number = text.prefix { $0.isASCII && $0.isNumber }
            let rest = text[number.endIndex...]
            if rest.isEmpty { return Int(digits: number) == 0 ? 0 : nil }
            guard let factor = units.first(where: { $0.name == rest })?.factor, let count = Int(digits: number) else {
                return nil
            }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
            return !overflow && (bytes == 0 || range.contains(bytes)) ? bytes : nil
        }
    }
}

extension SettingKind where Value == Duration {
    /// A time with its unit, as `500ms`, `2s` or `10m`.
    static func duration(_ range: ClosedRange<Duration>) -> SettingKind {
        let bounds = "from \(DurationText.print(range.lowerBound)) to \(DurationText.print(range.upperBound))"
        return word("a duration \(bounds), such as 500ms, 2s or 10m", print: DurationText.print) { text in
            DurationText.read(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

extension SettingKind where Value == UInt32 {
    /// Seconds, plain as TTLs are written, or with a unit.
    static func seconds(_ range: ClosedRange<UInt32>) -> SettingKind {
        let expected = "seconds from \(range.lowerBound) to \(range.upperBound), such as 3600 or 1h"
        return word(expected, print: { "\($0)" }) { text in
            let duration = Int(digits: text).map { Duration.seconds($0) } ?? DurationText.read(text)
            guard let duration, duration.components.attoseconds == 0 else { return nil }
            return UInt32(exactly: duration.components.seconds).flatMap { range.contains($0) ? $0 : nil }
        }
    }
}

/// Durations as the configuration writes them.
enum DurationText {
    /// Units from the largest.
    private static let units: [(name: String, milliseconds: Int)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Reads digits and a unit, seconds also with one decimal; nil for anything else.
    static func read(_ text: String) -> Duration? {
        if text.last == "s", text.dropLast(2).last == "." {
            let tenths = Int(digits: text.dropLast(1).suffix(1))
            guard let whole = Int(digits: text.dropLast(3)), let tenths, whole < 1 << 32 else { return nil }
            return .milliseconds(whole * 1_000 + tenths * 100)
        }
        let number = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits: number), let unit = units.first(where: { $0.name == text[number.endIndex...] }) else {
            return nil
        }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        return overflow ? nil : .milliseconds(milliseconds)
    }

    /// Writes whole milliseconds in the largest unit that fits, as `1.8s` where that is shorter; nothing that is below 0.
    static func print(_ duration: Duration) -> String {
        let parts = duration.components
        // Some stand in files of the state directory: what is longer than any is shown as the longest that can be.
        let seconds = Int(min(max(0, parts.seconds), Int64.max / 1_000 - 1))
        let milliseconds = seconds * 1_000 + Int(max(0, parts.attoseconds) / 1_000_000_000_000_000)
        if milliseconds == 0 { return "0s" }
        if milliseconds > 1_000, milliseconds % 1_000 != 0, milliseconds % 100 == 0 {
            return "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100)s"
        }
        let unit = units.first { milliseconds >= $0.milliseconds && milliseconds % $0.milliseconds == 0 }
        return unit.map { "\(milliseconds / $0.milliseconds)\($0.name)" } ?? "\(milliseconds)ms"
    }
}

extension Int {
    /// Reads ASCII digits alone: no sign, no spaces, no other script.
    init?(digits text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(text) else { return nil }
        self = value
    }
}
