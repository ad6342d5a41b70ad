internal import CGreen
internal import CLibevent
internal import Glibc

/// The loop over libevent (epoll) and the kernel's sockets.
///
/// Each socket is registered once, edge-triggered, for as long as it lives: the sockets above try first and wait
/// only after `EAGAIN`, so a wait makes no system call of its own. Writability is registered at the first need.
@safe public final class LibeventLoop: Loop {
    let base: OpaquePointer
    unowned(unsafe) var hub: Hub!
    let kernel: LoopKernel
    private let threads: ThreadPool
    private let nameThreads: ThreadPool
    // SAFETY: used on the hub's thread alone, by one call at a time.
    @exclusivity(unchecked) private var randomPool = RandomPool()
    /// Who wants signals, and the place where they come; see `green_signal_place`.
    var signalWatches: [SignalWatch] = []
    var signalPlace: Int32 = -1
    var signalEvent: OpaquePointer?
    /// Signals that the hub's thread blocked before somebody wanted them.
    var admittedSignals: Set<Int32> = []
    /// Files of the machine.
    public let files: any FileAccess = SystemFiles()
    /// Names, as the machine's own resolver knows them.
    public let names: any NameAccess = SystemNames()

    /// A loop of its own for one hub; blocking jobs go to `threads`. Ends the process where the system has no descriptors
    /// for it: `open` throws then.
    public convenience init(threads: ThreadPool = .shared) {
        do {
            self.init(kernel: try LoopKernel(), threads: threads)
        } catch {
            halt("no event loop: \(error)")
        }
    }

    /// A loop of its own for one hub; throws where the system has no descriptors for it.
    public static func open(threads: ThreadPool = .shared) throws(SocketError) -> LibeventLoop {
        LibeventLoop(kernel: try LoopKernel(), threads: threads)
    }

    private init(kernel: LoopKernel, threads: ThreadPool) {
        self.kernel = kernel
        unsafe base = kernel.base
        self.threads = threads
        nameThreads = .names
    }

    deinit {
        endSignals()
    }

    /// As ``Loop`` says.
    public func attach(_ hub: Hub) {
        unsafe self.hub = hub
        unsafe kernel.hub = hub
    }

    /// As ``Loop`` says.
    public func wait(until deadline: Instant) {
        var flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY
        if deadline.nanoseconds == 0 {
            flags |= EVLOOP_NONBLOCK
        } else if deadline.nanoseconds < kernel.armedFor {
            kernel.arm(for: deadline.nanoseconds)
        }
        unsafe event_base_loop(base, Int32(flags))
    }

    /// As ``Loop`` says.
    public func makeWaker() -> any LoopWaker {
        kernel.waker
    }

    /// The monotonic clock, for any thread.
    static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// As ``Loop`` says.
    public func now() -> Instant { Instant(nanoseconds: Self.read(CLOCK_MONOTONIC)) }
    /// As ``Loop`` says.
    public func bootTime() -> UInt64 { Self.read(CLOCK_BOOTTIME) }
    /// As ``Loop`` says.
    public func wallTime() -> Int64 { Int64(Self.read(CLOCK_REALTIME)) }
    /// As ``Loop`` says.
    public func random() -> UInt64 { unsafe randomPool.next() }

    /// As ``Loop`` says.
    public func submit(_ job: @escaping @Sendable () -> Void, as kind: BlockingKind) throws(SocketError) {
        switch kind {
        case .any: try threads.submit(job)
        case .names: try nameThreads.submit(job)
        }
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// The kernel's random numbers, fetched some at a time.
struct RandomPool {
    private var numbers = [UInt64](repeating: 0, count: 64)
    private var used = 64

    mutating func next() -> UInt64 {
        if used == numbers.count {
            unsafe numbers.withUnsafeMutableBytes { bytes in
                unsafe green_random(bytes.baseAddress!, bytes.count)
            }
            used = 0
        }
        defer {
            numbers[used] = 0
            used += 1
        }
        return numbers[used]
    }
}
