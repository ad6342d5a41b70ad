internal import Glibc

/// The memory that the process has in use passed a limit, or is below it again.
public struct MemoryUse: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of the process that are in memory (resident set size).
    public let bytes: Int
    /// The limit.
    public let limit: Int
    /// Whether it is above the limit.
    public var isOver: Bool { bytes > limit }

    /// One line for a log.
    public var description: String {
        "the process has \(bytes >> 20) MiB in memory, \(isOver ? "above" : "below") its limit of \(limit >> 20) MiB"
    }

    /// What the process has in memory now; nil where the system does not say.
    public static var resident: Int? {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let text = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, count in
            count = max(0, unsafe read(descriptor, buffer.baseAddress, buffer.count))
        }
        let numbers = text.split(separator: UInt8(ascii: " "))
        guard numbers.count > 1, let pages = Int(String(decoding: numbers[1], as: UTF8.self)) else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// A thread that watches how much memory the process has in use, and reports when it passes a limit and when it is a tenth below
/// it again. Ends when it is let go of.
public final class MemoryMonitor {
    private let isStopped = Locked(false)

    /// Looks from now on, each `interval`. Throws where the system starts no thread. `report` is called on the monitor's thread,
    /// also where a hub is held; it may post to one.
    public init(
        limit: Int, interval: Duration = .seconds(5), report: @escaping @Sendable (MemoryUse) -> Void
    ) throws(SocketError) {
        let isStopped = isStopped
        try startThread(name: "green-memory") { _ in
            let end = interval.clampedNanoseconds / 1_000
            var wasOver = false
            while true {
                if let bytes = MemoryUse.resident {
                    let use = MemoryUse(bytes: bytes, limit: limit)
                    if use.isOver != wasOver, use.isOver || bytes <= limit - limit / 10 {
                        wasOver = use.isOver
                        report(use)
                    }
                }
                // In small steps, so that a stop is soon seen.
                var slept: UInt64 = 0
                repeat {
                    if isStopped.withLock({ $0 }) { return }
                    let step = min(max(1, end - min(end, slept)), 100_000)
                    usleep(UInt32(clamping: step))
                    slept += step
                } while slept < end
            }
        }
    }

    deinit {
        stop()
    }

    /// Watches no more.
    public func stop() {
        isStopped.withLock { $0 = true }
    }
}
