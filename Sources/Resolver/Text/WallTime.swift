internal import Glibc

/// Moments as people read them, in UTC.
package enum WallTime {
    /// A moment in nanoseconds since 1970, to the millisecond (RFC 3339).
    package static func text(nanoseconds: Int64) -> String {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return "\(text(toSeconds: seconds)).\(padded(Int(max(0, rest)) / 1_000_000, 3))Z"
    }

    /// A moment in seconds since 1970 (RFC 3339).
    static func text(seconds: Int64) -> String { text(toSeconds: seconds) + "Z" }

    private static func text(toSeconds seconds: Int64) -> String {
        var time = time_t(clamping: seconds)
        var parts = unsafe tm()
        unsafe gmtime_r(&time, &parts)
        let date = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday].map { padded(Int($0), 2) }
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":"))"
    }

    /// A number with zeros before it.
    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
