internal import CGreen
internal import CLibevent
internal import Glibc

/// What a libevent loop has of the system: its base, a descriptor by which other threads wake it, and a timer.
///
/// The timer is a descriptor of the kernel's monotonic clock (timerfd) beside the sockets: libevent's own timers follow a
/// coarse clock and epoll's milliseconds, and come 2 to 4 ms late. It is armed only for a moment before the one that it is
/// armed for already; one that fires too early costs a turn.
@safe final class LoopKernel {
    let base: OpaquePointer
    let waker: EventDescriptorWaker
    private let timerDescriptor: Int32
    private var events: [OpaquePointer] = unsafe []
    unowned(unsafe) var hub: Hub?
    // SAFETY: touched on the hub's thread alone, and no access lasts over a switch.
    /// The moment that the timer is armed for; `UInt64.max` when it is not.
    @exclusivity(unchecked) private var armed = UInt64.max

    init() throws(SocketError) {
        LibraryMessages.listen()
        waker = try EventDescriptorWaker()
        timerDescriptor = green_timer_descriptor()
        guard timerDescriptor >= 0 else { throw SocketError(errno: -timerDescriptor, call: "timerfd_create") }
        do throws(SocketError) {
            unsafe base = try Self.makeBase()
        } catch {
            close(timerDescriptor)
            throw error
        }
        let isGood = unsafe add(waker.descriptor) { descriptor, _, context in
            var count: UInt64 = 0
            unsafe read(descriptor, &count, 8)
            unsafe Unmanaged<LoopKernel>.fromOpaque(context!)._withUnsafeGuaranteedRef { unsafe $0.hub?.notePosts() }
        }
        // The next arming makes the timer's descriptor new: there is nothing to be read.
        let isTimed =
            unsafe isGood
            && add(timerDescriptor) { _, _, context in
                unsafe Unmanaged<LoopKernel>.fromOpaque(context!)._withUnsafeGuaranteedRef { unsafe $0.armed = .max }
            }
        guard isTimed else { throw SocketError(errno: ENOMEM, call: "epoll_ctl") }
    }

    deinit {
        for index in unsafe events.indices { unsafe event_free(events[index]) }
        unsafe event_base_free(base)
        close(timerDescriptor)
    }

    private static func makeBase() throws(SocketError) -> OpaquePointer {
        guard let config = unsafe event_config_new() else { throw .system(errno: ENOMEM, call: "event_config_new") }
        defer { unsafe event_config_free(config) }
        unsafe event_config_set_flag(config, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        unsafe event_config_set_flag(config, Int32(EVENT_BASE_FLAG_IGNORE_ENV.rawValue))
        unsafe event_config_require_features(config, Int32(EV_FEATURE_ET.rawValue))
        errno = 0
        guard let base = unsafe event_base_new_with_config(config) else {
            throw SocketError(errno: errno == 0 ? EMFILE : errno, call: "event_base_new")
        }
        return unsafe base
    }

    /// Has `call` called, with this object, each time the descriptor becomes readable.
    private func add(_ descriptor: Int32, _ call: event_callback_fn) -> Bool {
        let flags = Int16(EV_READ) | Int16(EV_PERSIST) | Int16(bitPattern: UInt16(EV_ET))
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        guard let event = unsafe event_new(base, descriptor, flags, call, context) else { return false }
        unsafe events.append(event)
        return unsafe event_add(event, nil) == 0
    }

    private var servesMainQueue = false

    /// Where the calling thread is the process's main one, has the loop do what is to be done on the main queue from now on:
    /// the main actor's work, which nobody else would do while a hub has that thread.
    func serveMainQueue() {
        let descriptor = green_main_queue_descriptor()
        guard descriptor >= 0, !servesMainQueue else { return }
        // Where the kernel has no room for it the main actor waits, as it would without this.
        servesMainQueue = unsafe add(descriptor) { descriptor, _, _ in green_main_queue_run(descriptor) }
    }

    /// See `armed`.
    var armedFor: UInt64 { unsafe armed }

    /// Has the loop's wait end at that moment, if not before.
    func arm(for deadline: UInt64) {
        unsafe armed = deadline
        green_timer_arm(timerDescriptor, deadline)
    }
}

/// Wakes a loop through its event descriptor, which lives as long as anybody may use it.
final class EventDescriptorWaker: LoopWaker {
    let descriptor: Int32

    init() throws(SocketError) {
        descriptor = green_event_descriptor()
        guard descriptor >= 0 else { throw SocketError(errno: -descriptor, call: "eventfd") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func wake() {
        var one: UInt64 = 1
        unsafe write(descriptor, &one, 8)
    }
}
