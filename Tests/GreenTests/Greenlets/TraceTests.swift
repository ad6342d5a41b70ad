import Glibc
import Green
import Testing

/// Where greenlets are, and what the process has in use.
@Suite struct TraceTests {
    /// A function whose name is looked for.
    @inline(never) func waitsInsideOfThis(_ event: Event) throws {
        try event.wait()
        withExtendedLifetime(event) {}
    }

    @inline(never) func computesInsideOfThis(until done: () -> Bool) {
        while !done() {}
    }

    @Test(.enabled(if: StackTrace.isSupported)) func `a greenlet that waits is shown with its stack`() throws {
        try onHub { hub throws in
            let event = Event()
            let waiting = hub.spawn(name: "waiting") { try self.waitsInsideOfThis(event) }
            try yield()
            let number = hub.greenlets.first { $0.name == "waiting" }!.number
            let trace = try #require(hub.stackTrace(of: number))
            #expect(trace.functions.contains { $0.contains("waitsInsideOfThis") })
            #expect(hub.describeGreenlets(stacks: true).contains("waitsInsideOfThis"))
            #expect(!hub.describeGreenlets().contains("waitsInsideOfThis"))
            // Neither who runs has one to show, nor who has ended.
            let own = hub.greenlets.first { $0.state == .running }!.number
            #expect(hub.stackTrace(of: own) == nil && hub.stackTrace(of: 1_000_000) == nil)
            let fresh = hub.spawn(name: "fresh") {}
            #expect(hub.describeGreenlets(stacks: true).contains("fresh"))
            event.set()
            try waiting.get()
            try fresh.join()
            #expect(hub.stackTrace(of: number) == nil)
        }
    }

    @Test(.enabled(if: StackTrace.isSupported)) func `a monitor tells where a greenlet keeps its hub, if it is asked to`() throws
    {
        for traces in [true, false] {
            let reports = Locked<[HeldHub]>([])
            let number = Locked<UInt64>(0)
            // On a busy machine others are seen as well.
            func found() -> HeldHub? { reports.withLock { all in all.first { $0.greenlet == number.withLock { $0 } } } }
            try onHub { hub throws in
                let monitor = try HubMonitor(limit: .milliseconds(10), tracesStack: traces) { held in
                    reports.withLock { $0.append(held) }
                }
                defer { monitor.stop() }
                try sleep(.milliseconds(1))
                let busy = hub.spawn(name: "busy") {
                    number.withLock { $0 = hub.greenlets.first { $0.name == "busy" }!.number }
                    self.computesInsideOfThis { found() != nil }
                }
                try busy.get()
            }
            let trace = found()?.trace
            #expect(trace?.functions.contains { $0.contains("computesInsideOfThis") } == (traces ? true : nil))
        }
    }

    @Test func `a monitor that is switched off, or filters, reports nothing`() throws {
        // On a busy machine others are seen as well, before the monitor is switched off too.
        let (reports, seen) = (Locked<[UInt64]>([]), Locked<[UInt64]>([]))
        try onHub { hub throws in
            let quiet = try HubMonitor(limit: .milliseconds(2)) { held in reports.withLock { $0.append(held.greenlet) } }
            quiet.isOn = false
            let picky = try HubMonitor(limit: .milliseconds(2)) { held in
                seen.withLock { $0.append(held.greenlet) }
                return false
            } report: { held in
                reports.withLock { $0.append(held.greenlet) }
            }
            defer {
                quiet.stop()
                picky.stop()
            }
            let busy = hub.spawn(name: "busy") {
                let number = hub.greenlets.first { $0.name == "busy" }!.number
                self.computesInsideOfThis { seen.withLock { $0.contains(number) } }
                return number
            }
            let number = try busy.get()
            try sleep(.milliseconds(5))
            #expect(!quiet.isOn && !reports.withLock { $0.contains(number) })
        }
    }

    @Test func `memory above a limit is reported once, and once when it is below again`() async {
        // In a process of its own: what other tests take and give back counts as well.
        await #expect(processExitsWith: .success) {
            guard let now = MemoryUse.resident, now > 1 << 20 else { exit(2) }
            let reports = Locked<[MemoryUse]>([])
            let monitor = try MemoryMonitor(limit: now + 32 << 20, interval: .milliseconds(1)) { use in
                reports.withLock { $0.append(use) }
            }
            func wait(for number: Int) {
                let end = time(nil) + 20
                while reports.withLock({ $0.count }) < number, time(nil) < end { usleep(1_000) }
            }
            let size = 64 << 20
            let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
            for offset in stride(from: 0, to: size, by: 4_096) { block.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self) }
            wait(for: 1)
            munmap(block, size)
            wait(for: 2)
            monitor.stop()
            guard reports.withLock({ $0.map(\.isOver) }) == [true, false] else { exit(1) }
        }
    }
}
