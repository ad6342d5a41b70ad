/// The time of a signature: seconds since 1970 in 32 bits, `YYYYMMDDHHmmSS` as text (RFC 4034 3.1.5, 3.2).
public struct SignatureTime: RawRepresentable, Hashable, Sendable {
    /// Seconds since 1970, modulo 2^32.
    public let rawValue: UInt32

    /// Wraps seconds since 1970.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Days from 1970-01-01 to a date of the Gregorian calendar. Years start in March here, so that leap days come last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}

extension SignatureTime: LosslessStringConvertible {
    /// The time as `YYYYMMDDHHmmSS`, UTC.
    public var description: String {
        let days = Int(rawValue / 86_400)
        let seconds = Int(rawValue % 86_400)
        var year = 1970 + days / 366
        while Self.days(year: year + 1, month: 1, day: 1) <= days { year += 1 }
        var month = 1
        while month < 12, Self.days(year: year, month: month + 1, day: 1) <= days { month += 1 }
        let day = days - Self.days(year: year, month: month, day: 1) + 1
        let fields = [month, day, seconds / 3600, seconds / 60 % 60, seconds % 60]
        return String(year) + fields.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
    }

    /// Reads `YYYYMMDDHHmmSS`, or seconds since 1970 in at most ten digits.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        guard digits.count == 14 else {
            guard digits.count <= 10, let seconds = UInt32(text) else { return nil }
            self.init(rawValue: seconds)
            return
        }
        func field(_ range: Range<Int>) -> Int { digits[range].reduce(0) { $0 * 10 + Int($1 - 0x30) } }
        let (year, month, day) = (field(0..<4), field(4..<6), field(6..<8))
        let (hour, minute, second) = (field(8..<10), field(10..<12), field(12..<14))
        guard year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60 else {
            return nil
        }
        let total = Self.days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
        self.init(rawValue: UInt32(truncatingIfNeeded: total))
    }
}
