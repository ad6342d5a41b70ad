import Glibc

/// One line for each measurement: its name, nanoseconds for each operation, and bytes where they are of interest.
func report(_ name: String, nanoseconds: Double, bytes: Double? = nil) {
    let figure = (nanoseconds * 10).rounded() / 10
    print(name, figure, bytes.map { String(Int($0)) } ?? "-")
    fflush(nil)
}

/// The monotonic clock.
func nanosecondsNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Bytes of this process that are in memory.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var text = [CChar](repeating: 0, count: 128)
    fgets(&text, 128, file)
    let words = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: " ")
    return (Int(words[1]) ?? 0) * 4096
}

/// The best of five runs of `body`, for each of `count` operations.
func best(of runs: Int = 5, count: Int, _ body: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<runs {
        let begin = nanosecondsNow()
        try body()
        best = min(best, Double(nanosecondsNow() - begin) / Double(count))
    }
    return best
}
