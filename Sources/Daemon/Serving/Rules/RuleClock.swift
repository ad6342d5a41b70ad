internal import Glibc

/// Times of day where this machine is.
package enum RuleClock {
    /// Looks whether the machine has been moved to another zone: /etc/localtime is read again where it is another file. May block.
    package static func lookAtZone() { tzset() }

    /// How many seconds this machine's time is ahead of UTC at a moment, in the zone of the last look. The first call of a process
    /// that has not looked does so, and may block.
    package static func offset(_ seconds: Int64) -> Int {
        var moment = time_t(seconds)
        var parts = unsafe tm()
        guard unsafe localtime_r(&moment, &parts) != nil else { return 0 }
        return unsafe parts.tm_gmtoff
    }

    /// Reads `2026-11-27 18:00`, in this machine's time: seconds since 1970; nil for anything else.
    package static func moment(_ text: String) -> Int64? {
        let words = text.split { $0 == " " || $0 == "T" }
        guard words.count == 2 else { return nil }
        let date = words[0].split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
        let time = words[1].split(separator: ":", omittingEmptySubsequences: false).map { Int32($0) }
        guard date.count == 3, time.count == 2, let year = date[0], let month = date[1], let day = date[2], let hour = time[0],
            let minute = time[1], (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
            (0...23).contains(hour), (0...59).contains(minute)
        else { return nil }
        var parts = unsafe tm()
        unsafe parts.tm_year = year - 1900
        unsafe parts.tm_mon = month - 1
        unsafe parts.tm_mday = day
        unsafe parts.tm_hour = hour
        unsafe parts.tm_min = minute
        unsafe parts.tm_isdst = -1
        return unsafe Int64(mktime(&parts))
    }
}
