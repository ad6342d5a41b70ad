/// When something holds: ranges of days and times of day, in the time of some place. No clock is read here.
package struct Schedule: Hashable, Sendable {
    /// A range: from a time of day to another, on some days of the week. If it ends no later than it begins, it ends the day
    /// after; the days are those on which it begins.
    package struct Range: Hashable, Sendable {
        /// A bit for each day, Monday's lowest.
        package var days: UInt8
        /// Where it begins: minutes after midnight, 0 to 1439.
        package var start: Int
        /// Where it ends, itself not in it: minutes after midnight, 1 to 1440.
        package var end: Int

        /// Puts a range together; numbers out of their bounds are brought into them.
        package init(days: UInt8, start: Int, end: Int) {
            self.days = days & 0x7F
            self.start = min(max(start, 0), 1439)
            self.end = min(max(end, 0), 1440)
        }

        /// Whether it holds at a minute of a day, 0 being Monday.
        func contains(day: Int, minute: Int) -> Bool {
            let today = days >> UInt8(day) & 1 == 1
            let yesterday = days >> UInt8((day + 6) % 7) & 1 == 1
            if start < end { return today && minute >= start && minute < end }
            return today && minute >= start || yesterday && minute < end
        }
    }

    /// The ranges.
    package var ranges: [Range]

    /// Puts a schedule together; without ranges it never holds.
    package init(_ ranges: [Range]) { self.ranges = ranges }

    /// Reads `mon-fri 07:00-20:00, sat 09:00-12:00 14:00-18:00, daily 22:00-06:00`: days, then one or more ranges of times.
    package init?(_ text: String) {
        var ranges: [Range] = []
        for part in text.lowercased().split(separator: ",") {
            let words = part.split { $0 == " " || $0 == "\t" }
            guard let first = words.first, let days = Self.days(first) else { return nil }
            // Days alone are whole days.
            if words.count == 1 { ranges.append(Range(days: days, start: 0, end: 1440)) }
            for word in words.dropFirst() {
                let times = word.split(separator: "-", omittingEmptySubsequences: false)
                guard times.count == 2, let start = Self.minutes(times[0]), start < 1440, let end = Self.minutes(times[1])
                else { return nil }
                ranges.append(Range(days: days, start: start, end: end))
            }
        }
        guard !ranges.isEmpty else { return nil }
        self.ranges = ranges
    }

    /// Whether it holds at a time: seconds since 1970 in UTC, and how far the place's time is ahead of that then.
    package func contains(_ seconds: Int64, offset: (Int64) -> Int) -> Bool {
        let local = seconds.addingReportingOverflow(Int64(min(max(offset(seconds), -86_400), 86_400))).partialValue
        let day = local >= 0 ? local / 86_400 : -((86_399 &- local) / 86_400)
        let minute = Int((local &- day &* 86_400) / 60)
        // 1970-01-01 was a Thursday.
        let weekday = Int(((day % 7) + 10) % 7)
        return ranges.contains { $0.contains(day: weekday, minute: min(max(minute, 0), 1439)) }
    }

    /// The days' names.
    private static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// Reads `mon`, `mon-fri`, `fri-mon`, `mon+wed`, `daily`.
    private static func days(_ text: Substring) -> UInt8? {
        if text == "daily" || text == "all" { return 0x7F }
        var days: UInt8 = 0
        for part in text.split(separator: "+", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count), var day = names.firstIndex(of: String(ends[0])),
                let last = names.firstIndex(of: String(ends[ends.count - 1]))
            else { return nil }
            days |= 1 << UInt8(day)
            while day != last {
                day = (day + 1) % 7
                days |= 1 << UInt8(day)
            }
        }
        return days
    }

    /// Reads `07:00`, up to `24:00`.
    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) && $0.allSatisfy(\.isNumber) }),
            let hours = Int(parts[0]), let minutes = Int(parts[1]), minutes < 60, hours * 60 + minutes <= 1440
        else { return nil }
        return hours * 60 + minutes
    }
}
