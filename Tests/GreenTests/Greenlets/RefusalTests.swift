import Glibc
import Green
import Testing

/// What the system refuses at run time (mappings, threads, descriptors) is an error of who asked for it, and of nobody else.
@Suite struct RefusalTests {
    private static func options(_ limit: Int, reserve: Int) -> HubOptions {
        var options = HubOptions()
        (options.greenletLimit, options.reservedGreenlets) = (limit, reserve)
        options.report = { _, _ in }
        return options
    }

    @Test(arguments: World.allCases) func `the reserve of greenlets is for those that are started at once`(_ world: World) throws
    {
        try onHub(world, Self.options(16, reserve: 4)) { hub throws in
            let sleepers = (0..<20).map { _ in hub.spawn { try sleep(.seconds(3600)) } }
            #expect(sleepers.filter(\.isDone).count == 20 - 11)
            #expect(sleepers.allSatisfy { !$0.isDone || $0.failure is GreenletLimit })
            #expect(hub.isCrowded)
            var ran = 0
            try withUnsafeMutablePointer(to: &ran) { counter throws in
                for _ in 0..<100 {
                    try hub.start(
                        { subject, _ in subject!.assumingMemoryBound(to: Int.self).pointee += 1 }, subject: counter, slot: 0)
                }
            }
            #expect(ran == 100)
            killAll(sleepers)
            try joinAll(sleepers)
            #expect(!hub.isCrowded)
            #expect(try hub.spawn { 5 }.get() == 5)
        }
    }

    /// The attack: 50,000 questions that wait, each on a stack whose guard takes two mappings.
    @Test(.enabled(if: Hub.reportsOverflows))
    func `where guards take mappings, 50,000 waiting greenlets leave some to threads, hubs and those started at once`() async {
        await #expect(processExitsWith: .success) {
            MappingBudget.emulateOldKernel()
            try Hub(loop: LibeventLoop(), options: RefusalTests.options(1_000_000, reserve: 64)).run {
                let hub = Hub.current
                var begun = 0
                var refused = 0
                for _ in 0..<50_000 where hub.spawn({ try sleep(.seconds(3600)) }).isDone { refused += 1 }
                begun = 50_000 - refused
                guard refused > 0, begun > 10_000, hub.isCrowded else { fatalError("\(begun) begun, \(refused) refused") }
                for _ in 0..<1000 { try hub.start({ _, _ in }, subject: nil, slot: 0) }
                guard try blocking({ 7 }) == 7 else { fatalError("no thread") }
                let ended = ThreadQueue<String>()
                HubGroup().start(name: "other") {
                    _ = try spawn { 3 }.get()
                } ended: {
                    ended.tryPut("\(String(describing: $0))")
                }
                guard try ended.get(until: hub.soon) == "nil" else { fatalError("no hub") }
            }
        }
    }

    @Test(.enabled(if: Hub.reportsOverflows)) func `without mappings no thread starts, which is told to who wants one`() async {
        await #expect(processExitsWith: .success) {
            try Hub(loop: LibeventLoop()).run {
                try sleep(.milliseconds(1))
                MemoryTests.useUpMappings()
                do {
                    try blocking {}
                    fatalError("a thread was started")
                } catch is SocketError {}
                let failure = Locked<(any Error)?>(nil)
                HubGroup().start(name: "other") {
                } ended: { error in
                    failure.withLock { $0 = error }
                }
                guard failure.withLock({ $0 }) is SocketError else { fatalError("nobody was told") }
                do {
                    _ = try HubMonitor { _ in }
                    fatalError("a monitor was started")
                } catch is SocketError {}
                guard try spawn({ 6 }).get() == 6 else { fatalError("no greenlet") }
            }
        }
    }

    @Test func `without descriptors no loop is made, which is told to who wants one, and others go on`() async {
        await #expect(processExitsWith: .success) {
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                var limit = rlimit(rlim_cur: 0, rlim_max: 0)
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                var few = limit
                few.rlim_cur = 3
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &few)
                do {
                    _ = try LibeventLoop.open()
                    fatalError("a loop was made")
                } catch {}
                let ended = ThreadQueue<String>()
                HubGroup().start(name: "other") {
                } ended: {
                    ended.tryPut("\(type(of: $0!))")
                }
                guard try ended.get(until: hub.soon) == "SocketError" else { fatalError("nobody was told") }
                do {
                    _ = try DatagramSocket(connectedTo: SocketAddress(.loopback, port: 9))
                    fatalError("a socket was made")
                } catch {}
                do {
                    _ = try Signals([SIGUSR1])
                    fatalError("signals were promised")
                } catch {}
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                _ = try LibeventLoop.open()
                _ = try Signals([SIGUSR1])
            }
        }
    }

    @Test func `a job that gets no thread in a simulated world says so`() throws {
        let world = VirtualWorld(seed: 1)
        try world.run { _ throws in
            world.host.threadError = EAGAIN
            #expect(throws: SocketError.system(errno: EAGAIN, call: "")) { try blocking {} }
            world.host.threadError = nil
            #expect(try blocking { 4 } == 4)
        }
    }

    @Test func `name look-ups do not wait behind other blocking calls`() throws {
        let world = VirtualWorld(seed: 1)
        world.jobTime = .seconds(1)...(.seconds(1))
        try world.run { hub in
            let calls = (0..<40).map { _ in hub.spawn { try blocking {} } }
            try yield()
            let before = hub.loop.now()
            _ = try lookUp("localhost")
            #expect(before.duration(to: hub.loop.now()) < .seconds(2))
            killAll(calls)
        }
    }

    @Test func `hubs and groups that have ended leave nothing behind`() async {
        await #expect(processExitsWith: .success) {
            try Hub(loop: LibeventLoop()).run {
                let hub = Hub.current
                func descriptors() throws -> Int {
                    guard let directory = opendir("/proc/self/fd") else { throw Failure() }
                    defer { closedir(directory) }
                    var count = 0
                    while readdir(directory) != nil { count += 1 }
                    return count
                }
                let done = ThreadQueue<Int>()
                let group = HubGroup()
                func run(_ group: HubGroup) throws {
                    group.start(name: "short") {
                        _ = try spawn { 1 }.get()
                    } ended: { _ in
                        done.tryPut(1)
                    }
                    guard try done.get(until: hub.soon) == 1 else { throw Failure() }
                }
                try run(group)
                let before = try descriptors()
                for _ in 0..<10_000 { try run(group) }
                for _ in 0..<10_000 { try run(HubGroup()) }
                let deadline = hub.soon
                while try descriptors() > before, hub.loop.now() < deadline { try sleep(.milliseconds(1)) }
                let after = try descriptors()
                guard after <= before, group.count == 0 else { fatalError("\(after) descriptors, not \(before)") }
                group.postToAll { fatalError("posted to a hub that has ended") }
            }
        }
    }

    @Test func `what ends a hub reaches the report where nobody asks for it`() throws {
        let reported = ThreadQueue<String>()
        var options = HubOptions()
        options.report = { name, error in reported.tryPut("\(name): \(error)") }
        let quiet = options
        try onHub { hub throws in
            HubGroup().start(name: "failing", options: quiet) { throw Failure(number: 8) }
            #expect(try reported.get(until: hub.soon) == "failing: Failure(number: 8)")
        }
    }
}
