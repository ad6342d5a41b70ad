/// A moment on a hub's monotonic clock. Moments of different loops do not compare.
///
/// ```swift
/// let line = try reader.readLine(until: .in(.seconds(5)))
/// ```
public struct Instant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: UInt64

    /// The moment that many nanoseconds after the clock's start.
    @inlinable public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// A moment that never comes.
    public static let never = Instant(nanoseconds: .max)

    /// This moment, on the clock of the running hub. Costs a reading of the clock.
    public static var now: Instant { Hub.current.loop.now() }

    /// The moment when so much time has passed, on the clock of the running hub; at once for a negative duration.
    public static func `in`(_ duration: Duration) -> Instant { now + duration }

    /// The moment that much later; `never` where that does not fit. A negative duration counts as zero.
    @inlinable public static func + (moment: Instant, duration: Duration) -> Instant { moment.advanced(by: duration) }

    /// How long from the second moment to the first; zero where that lies before.
    @inlinable public static func - (later: Instant, earlier: Instant) -> Duration { earlier.duration(to: later) }

    /// The moment so many nanoseconds later; `never` where that does not fit.
    @inlinable public func advanced(byNanoseconds amount: UInt64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(amount)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// The moment that much later; `never` where that does not fit. A negative duration counts as zero.
    @inlinable public func advanced(by duration: Duration) -> Instant {
        advanced(byNanoseconds: duration.clampedNanoseconds)
    }

    /// How long from here to `other`; zero where that lies before.
    @inlinable public func duration(to other: Instant) -> Duration {
        other.nanoseconds <= nanoseconds ? .zero : .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
    }

    /// How many nanoseconds from here to `other`; none where that lies before.
    @inlinable public func nanoseconds(to other: Instant) -> UInt64 {
        other.nanoseconds > nanoseconds ? other.nanoseconds - nanoseconds : 0
    }

    /// Whether this comes before `other`.
    @inlinable public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Duration {
    /// The duration in whole nanoseconds: 0 for a negative one, `UInt64.max` for one that does not fit.
    @inlinable public var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return overflow || carry ? .max : sum
    }
}
