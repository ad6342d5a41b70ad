// A simulated world: a clock, a network and hosts, in which hubs run as they do on the real ones, on one thread.
//
//     let world = VirtualWorld(seed: 7)
//     try world.run { hub in
//         try sleep(.seconds(3600))                 // takes no time
//     }
//
// The clock stands still while greenlets run (a turn of a hub costs a microsecond), and jumps to the next thing to
// happen when all of them wait: a timer of a hub, or an entry of the agenda, such as the arrival of a datagram. How
// long things take, what is lost, and which hub has its turn first is drawn from the seed. So a run is a function of
// the seed and the program: `trace` says, in one number, whether two runs were the same.
//
// The root hub's loop drives the world: its `wait` gives the other hubs their turns and lets the agenda happen until
// the root itself has something to do. Nothing of the agenda happens while a greenlet runs, just as the kernel's
// events are only seen between two turns.
//
// What the kernel does that is not simulated: path-MTU and fragments, congestion, multicast, routing.
internal import Glibc

/// A simulated world; see the head of this file. All of it belongs to the thread that made it.
public final class VirtualWorld: @unchecked Sendable {
    // SAFETY: each way in checks that it is taken on the world's own thread (`check`).
    /// What went wrong where nothing could ever happen again.
    public struct Stalled: Error, CustomStringConvertible {
        /// One line for each greenlet.
        public let description: String
    }

    /// The seed that this run was made from: the same one gives the same run.
    public let seed: UInt64
    /// What happened so far.
    public internal(set) var trace = VirtualTrace()
    /// Told of each event, for those who look into a run. It must not change the world.
    public var onEvent: ((_ moment: Instant, _ event: StaticString, _ first: Int, _ second: Int) -> Void)?
    /// What a turn of a hub costs.
    public var turnCost: Duration = .microseconds(1)
    /// How long blocking jobs take.
    public var jobTime: ClosedRange<Duration> = .microseconds(20)...(.milliseconds(2))
    /// Links within a host, and between hosts that have no conditions of their own.
    public var loopback = LinkConditions.loopback
    /// As ``Loop`` says.
    public var network = LinkConditions.network
    /// How long a run may last, on its own clock, before it counts as stalled.
    public var horizon: Duration = .seconds(100 * 86400)
    /// The names that `lookUp` knows.
    public let names = VirtualNames()
    /// The host of those who need only one.
    public let host: VirtualHost

    var clock: UInt64 = 1_000_000_000
    var bootOffset: UInt64 = 1_000_000_000_000
    var wallOffset: Int64 = 1_767_225_600_000_000_000
    var agenda = VirtualAgenda()
    var generator: SeededGenerator
    var hosts: [VirtualHost] = []
    var sockets: [Int32: VirtualSocket] = [:]
    var lastNumber: Int32 = 0
    var links: [VirtualLink: LinkConditions] = [:]
    var cuts: Set<VirtualLink> = []
    var steppedHubs: [SteppedHub] = []
    var isStepping = false
    var stalled: Stalled?
    private let thread = pthread_self()

    /// A world with one host, which has the address 10.0.0.1 (and fd00::1) besides loopback.
    public init(seed: UInt64) {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        host = VirtualHost(
            name: "host", addresses: [IPAddress(v4: 0x0A00_0001), IPAddress(v6High: 0xFD00 << 48, low: 1)], number: 0)
        unsafe host.world = self
        hosts.append(host)
    }

    /// Another host, with the addresses that it has besides loopback.
    public func addHost(_ name: String, _ addresses: [IPAddress]) -> VirtualHost {
        check()
        require(hosts.allSatisfy { Set($0.addresses).isDisjoint(with: addresses) }, "an address of two hosts")
        let host = VirtualHost(name: name, addresses: addresses, number: hosts.count)
        unsafe host.world = self
        hosts.append(host)
        return host
    }

    /// The simulated monotonic clock.
    public var now: Instant { Instant(nanoseconds: clock) }

    /// The simulated wall clock, in nanoseconds since 1970. Starts with the year 2026; may be set, also back.
    public var wallTime: Int64 {
        get { wallOffset + Int64(clock) }
        set { wallOffset = newValue - Int64(clock) }
    }

    /// Lets the machine sleep: the boot and wall clocks go on, the monotonic one and its timers do not.
    public func suspend(for duration: Duration) {
        bootOffset += duration.clampedNanoseconds
        wallOffset += Int64(duration.clampedNanoseconds)
    }

    /// Has `action` happen after that long, outside of any hub: to cut a link, raise a signal, set a clock.
    public func schedule(after delay: Duration, _ action: @escaping () -> Void) {
        check()
        plan(after: delay.clampedNanoseconds, action)
    }

    /// Notes an event in the trace.
    func note(_ event: StaticString, _ first: Int = 0, _ second: Int = 0) {
        trace.note(event, at: clock, first, second)
        onEvent?(now, event, first, second)
    }

    /// Plans an entry of the agenda.
    func plan(after nanoseconds: UInt64, _ action: @escaping () -> Void) {
        agenda.add(at: clock + nanoseconds, action)
    }

    /// Traps where another thread comes in: a simulated world has no other threads.
    func check() {
        require(pthread_equal(thread, pthread_self()) != 0, "a simulated world was entered from another thread")
    }
}
