import Glibc
import Green
import Testing

/// What greenlets take of the machine, each measured in a process of its own. Sanitizers keep memory of their own for each
/// stack, so that there is nothing to be learnt under them.
@Suite(.enabled(if: Hub.reportsOverflows)) struct MemoryTests {
    /// Bytes of this process that are in memory.
    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var (size, resident) = (0, 0)
        withUnsafeMutablePointer(to: &size) { size in
            withUnsafeMutablePointer(to: &resident) { resident in
                _ = withVaList([size, resident]) { vfscanf(file, "%ld %ld", $0) }
            }
        }
        return resident * 4096
    }

    @Test func `a sleeper takes less than 10 KiB, and gives it back when it has ended`() async {
        await #expect(processExitsWith: .success) {
            try Hub(loop: LibeventLoop()).run {
                let before = MemoryTests.residentBytes()
                let count = 100_000
                let greenlets = (0..<count).map { _ in spawn { try sleep(.seconds(3600)) } }
                try sleep(.milliseconds(1))
                let each = (MemoryTests.residentBytes() - before) / count
                guard each > 4000, each < 10 * 1024 else { fatalError("a sleeper takes \(each) bytes") }
                killAll(greenlets)
                try joinAll(greenlets)
                // Stacks go back some at a time, once they were not needed for a while.
                let deadline = Hub.current.loop.now().advanced(by: .seconds(20))
                while MemoryTests.residentBytes() - before > count * 1024 {
                    guard Hub.current.loop.now() < deadline else { fatalError("the stacks were kept") }
                    try sleep(.milliseconds(10))
                }
            }
        }
    }

    @Test func `after many greenlets their stacks are back with the system in less than two seconds`() async {
        await #expect(processExitsWith: .success) {
            // The clock is simulated, the memory is not.
            try VirtualWorld(seed: 1).run { _ in
                let (count, before) = (40_000, MemoryTests.residentBytes())
                let sleepers = (0..<count).map { _ in spawn { try sleep(.seconds(3600)) } }
                try yield()
                guard MemoryTests.residentBytes() - before > count * 4_000 else { exit(2) }
                killAll(sleepers)
                try joinAll(sleepers)
                try sleep(.milliseconds(1_900))
                guard MemoryTests.residentBytes() - before < count * 2_000 else { exit(1) }
            }
        }
    }

    @Test func `where the system has no more mappings a spawn fails and says so, and the others go on`() async {
        await #expect(processExitsWith: .success) {
            try Hub(loop: LibeventLoop()).run {
                let early = spawn {
                    try sleep(.milliseconds(1))
                    return 5
                }
                MemoryTests.useUpMappings()
                var refused: GreenletLimit?
                var late: [Greenlet<Void>] = []
                while refused == nil, late.count < 100_000 {
                    late.append(spawn { try sleep(.milliseconds(1)) })
                    refused = late.last?.failure as? GreenletLimit
                }
                guard case .stacks(let code) = refused, code == ENOMEM, try early.get() == 5 else { exit(1) }
                for greenlet in late.dropLast() { try greenlet.get() }
                guard try spawn({ 6 }).get() == 6, "\(refused!)".contains("vm.max_map_count") else { exit(1) }
            }
        }
    }

    /// Takes all mappings that the system allows: pages whose rights alternate do not become one.
    static func useUpMappings() {
        let area = 4096 * 200_000
        guard let base = mmap(nil, area, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), base != MAP_FAILED
        else { return }
        var page = 0
        while page < 200_000, mprotect(base + page * 4096, 4096, PROT_READ) == 0 { page += 2 }
    }
}
