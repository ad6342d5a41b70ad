internal import Glibc
internal import Green

/// What the kernel says of this process.
struct ProcessFigures: Sendable {
    /// Processor time, in microseconds.
    let cpuMicroseconds: UInt64
    /// Memory that is resident, in bytes.
    let residentBytes: UInt64
    /// Descriptors that are open, and how many may be.
    let openDescriptors: UInt64
    let mostDescriptors: UInt64

    /// The figures of now. Reads files of /proc, of which one is as long as there are descriptors: not on a loop.
    init(_ files: any FileAccess) {
        var usage = rusage()
        _ = unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        cpuMicroseconds = [usage.ru_utime, usage.ru_stime].reduce(0) { sum, time in
            sum &+ UInt64(clamping: time.tv_sec) &* 1_000_000 &+ UInt64(clamping: time.tv_usec)
        }
        let pages = (try? files.read("/proc/self/statm", limit: 256)).flatMap { bytes in
            String(decoding: bytes, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
        }
        residentBytes = (pages ?? 0) &* UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
        openDescriptors = Self.countDescriptors()
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        mostDescriptors = UInt64(limit.rlim_cur)
    }

    private static func countDescriptors() -> UInt64 {
        guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(directory) }
        var count: UInt64 = 0
        while unsafe readdir(directory) != nil { count += 1 }
        // Not `.`, `..`, nor the directory itself.
        return count > 3 ? count - 3 : 0
    }
}
