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
    private let timer: OpaquePointer
    private var armedFor: UInt64 = .max
    private let wakeDescriptor: Int32
    private var wakeEvent: OpaquePointer?
    private let threads: ThreadPool
    // SAFETY: used on the hub's thread alone, by one call at a time.
    @exclusivity(unchecked) private var randomPool = RandomPool()
    var signalWatch: SignalWatch?
    /// Files of the machine.
    public let files: any FileAccess = SystemFiles()
    /// Names, as the machine's own resolver knows them.
    public let names: any NameAccess = SystemNames()

    /// A loop of its own for one hub; blocking jobs go to `threads`.
    public init(threads: ThreadPool = .shared) {
        guard let config = unsafe event_config_new() else { halt("libevent: no memory") }
        unsafe event_config_set_flag(config, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        unsafe event_config_set_flag(config, Int32(EVENT_BASE_FLAG_IGNORE_ENV.rawValue))
        unsafe event_config_require_features(config, Int32(EV_FEATURE_ET.rawValue))
        guard let base = unsafe event_base_new_with_config(config) else {
            halt("libevent: no event base: is the limit of open files reached?")
        }
        unsafe event_config_free(config)
        unsafe self.base = base
        self.threads = threads
        unsafe timer = event_new(base, -1, 0, { _, _, _ in }, nil)
        wakeDescriptor = green_event_descriptor()
        require(wakeDescriptor >= 0, "no event descriptor: is the limit of open files reached?")
    }

    deinit {
        if let event = unsafe wakeEvent { unsafe event_free(event) }
        unsafe event_free(timer)
        signalWatch?.close()
        unsafe event_base_free(base)
        Glibc.close(wakeDescriptor)
    }

    /// As ``Loop`` says.
    public func attach(_ hub: Hub) {
        unsafe self.hub = hub
        let flags = Int16(EV_READ) | Int16(EV_PERSIST) | Int16(bitPattern: UInt16(EV_ET))
        unsafe wakeEvent = event_new(
            base, wakeDescriptor, flags,
            { descriptor, _, context in
                var count: UInt64 = 0
                unsafe Glibc.read(descriptor, &count, 8)
                unsafe Unmanaged<LibeventLoop>.fromOpaque(context!)._withUnsafeGuaranteedRef { unsafe $0.hub.notePosts() }
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
        unsafe event_add(wakeEvent, nil)
    }

    /// As ``Loop`` says.
    public func wait(until deadline: Instant) {
        var flags = EVLOOP_ONCE
        if deadline.nanoseconds == 0 {
            flags |= EVLOOP_NONBLOCK
        } else if deadline != .never {
            let now = now()
            if deadline <= now {
                flags |= EVLOOP_NONBLOCK
            } else if armedFor != deadline.nanoseconds {
                arm(for: deadline.nanoseconds, now: now.nanoseconds)
            }
        } else {
            flags |= EVLOOP_NO_EXIT_ON_EMPTY
        }
        unsafe event_base_loop(base, Int32(flags))
        if unsafe event_pending(timer, Int16(EV_TIMEOUT), nil) == 0 { armedFor = .max }
    }

    private func arm(for deadline: UInt64, now: UInt64) {
        let microseconds = (min(deadline - now, 86_400_000_000_000) + 999) / 1000
        var interval = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        unsafe event_add(timer, &interval)
        armedFor = deadline
    }

    /// As ``Loop`` says.
    public func makeWaker() -> any LoopWaker {
        EventDescriptorWaker(descriptor: dup(wakeDescriptor))
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
    public func submit(_ job: @escaping @Sendable () -> Void) {
        threads.submit(job)
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Wakes a loop through its event descriptor; keeps a duplicate, so that it may outlive the loop.
private final class EventDescriptorWaker: LoopWaker {
    private let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    func wake() {
        var one: UInt64 = 1
        unsafe write(descriptor, &one, 8)
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
