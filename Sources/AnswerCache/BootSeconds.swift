/// A time as whole seconds of CLOCK_BOOTTIME, which runs on while the machine sleeps and is never set back.
package struct BootSeconds: RawRepresentable, Hashable, Sendable {
    /// Seconds since the machine started.
    package var rawValue: UInt32

    /// Wraps a number of seconds.
    @inlinable @inline(__always) package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A time some seconds later.
    @inlinable package func advanced(bySeconds seconds: UInt32) -> BootSeconds {
        BootSeconds(rawValue: rawValue &+ seconds)
    }
}
