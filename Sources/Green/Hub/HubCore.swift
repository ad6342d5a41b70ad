internal import CGreen

/// The state of a hub that changes while greenlets switch. It lives in raw memory: an access to a class property
/// that stays open across a switch would trap when another greenlet touches it.
@safe struct HubCore {
    /// The thread's own flow of control, which runs the loop.
    var main = unsafe green_fiber()
    /// The greenlet on the processor; nil while the loop itself runs.
    var current: RecordPointer?
    /// How many more greenlets may have the processor before the loop looks for events; 0 outside of that round.
    var resumesLeft = 0
    /// What other threads see of the hub's progress.
    let pulse: UnsafeMutablePointer<green_pulse>
    /// Greenlets that can go on now, and those that asked to go on after the next look at the events.
    var ready = WaitList()
    var nextTurn = WaitList()
    /// Unused records whose stacks are warm, the last used first, and those without touched pages.
    var warm = WaitList()
    var warmCount = 0
    /// The fewest warm records since the last trim: so many were not needed.
    var warmLowWater = 0
    var cold = WaitList()
    var timers = TimerHeap()
    var stacks: StackPool
    /// Greenlets that were started and have not ended, and the most there ever were.
    var alive = 0
    var highWater = 0
    var limit: Int
    /// How many of them are for greenlets that are started at once.
    let reserve: Int
    /// The system has refused the last stack.
    var lacksStacks = false
    var serial: UInt64 = 0
    /// While above 0, switching is a programming error: a lock is held or a section forbids it.
    var noSwitching = 0
    /// Another thread posted work.
    var hasPosts = false
    /// A thread runs the hub: others must keep their hands off.
    var isRunning = false
    /// The root greenlet has just ended.
    var isEnding = false
    /// The clock, read once per turn.
    var now = Instant(nanoseconds: 0)
    var bootTime: UInt64 = 0
    var lastTrim: UInt64 = 0
    /// How long after it the next one is due.
    var trimPause = Hub.trimInterval
    /// Datagram sockets with something to send, linked.
    var unsent: UnsafeMutablePointer<DatagramState>?
    /// Every record there is, in use or not.
    var records: [RecordPointer] = unsafe []
    /// What is known of the present pause.
    var idle = IdleWatch()
    /// Who waits for all others to end, and how many they are.
    var quiet = WaitList()
    var quietWaiters = 0
    /// Who waits for the hub to have nothing else to do.
    var idlers = WaitList()
    let hub: Unmanaged<Hub>

    init(_ options: HubOptions, pulse: UnsafeMutablePointer<green_pulse>, hub: Unmanaged<Hub>) {
        unsafe self.pulse = unsafe pulse
        stacks = StackPool(stackSize: options.stackSize, guardSize: options.guardSize, budget: options.mappings)
        limit = options.greenletLimit
        reserve = min(max(0, options.reservedGreenlets), max(0, limit / 4))
        unsafe self.hub = hub
    }

    /// Whether nothing is left to be done before the next event.
    var mayWait: Bool { isAtRest && idlers.isEmpty }

    /// Whether there is nothing to be done but what may wait for such a moment.
    var isAtRest: Bool {
        ready.isEmpty && nextTurn.isEmpty && !hasPosts && !isEnding && alive > 0
    }

    /// Ends the wait of `record` and puts it into the ready queue; nothing happens when it is not waiting.
    mutating func makeReady(_ record: RecordPointer, _ cause: GreenletRecord.Cause) {
        guard unsafe record.pointee.state == .waiting else { return }
        if let list = unsafe record.pointee.list {
            unsafe list.pointee.remove(record)
            unsafe record.pointee.list = nil
        }
        unsafe record.pointee.state = .ready
        unsafe record.pointee.cause = cause
        unsafe ready.append(record)
    }

    /// The next greenlet that can go on, as long as this turn lets it; it is taken to run from here on.
    mutating func takeNext() -> RecordPointer? {
        guard resumesLeft > 0, let record = unsafe ready.popFirst() else { return nil }
        resumesLeft -= 1
        unsafe green_pulse_begin(pulse, record.pointee.number)
        unsafe current = record
        unsafe record.pointee.state = .running
        return unsafe record
    }

    /// Ends the waits of all in `list`.
    mutating func wakeAll(_ list: UnsafeMutablePointer<WaitList>) {
        while let record = unsafe list.pointee.first { unsafe makeReady(record, .woken) }
    }

    /// Ends the wait of the first in `list`; false when nobody waits there.
    @discardableResult
    mutating func wakeFirst(_ list: UnsafeMutablePointer<WaitList>) -> Bool {
        guard let record = unsafe list.pointee.first else { return false }
        unsafe makeReady(record, .woken)
        return true
    }

    /// Whether no more than the reserve is left.
    var isCrowded: Bool {
        unsafe alive >= limit - reserve || (lacksStacks && records.count - alive <= reserve)
    }

    /// Leaves the reserve alone; throws where that is all there is.
    mutating func keepReserve(for core: CorePointer) throws(GreenletLimit) {
        guard isCrowded else { return }
        if alive >= limit - reserve { throw .count(limit) }
        // Others may have ended meanwhile, here or in another hub.
        unsafe cold.append(try unsafe makeRecord(for: core, reserved: false))
    }

    /// A record with a stack that nobody had before.
    private mutating func makeRecord(for core: CorePointer, reserved: Bool) throws(GreenletLimit) -> RecordPointer {
        let stack: UnsafeMutableRawPointer
        do {
            unsafe stack = try unsafe stacks.make(reserved: false)
            lacksStacks = false
        } catch {
            lacksStacks = true
            guard reserved else { throw error }
            unsafe stack = try unsafe stacks.make(reserved: true)
        }
        let record = RecordPointer.allocate(capacity: 1)
        unsafe record.initialize(to: GreenletRecord(core: core, stack: stack, stackSize: stacks.stackSize, slab: stacks.slab))
        unsafe records.append(record)
        return unsafe record
    }

    /// A record for a new greenlet, with a warm stack where there is one.
    mutating func takeRecord(for core: CorePointer, reserved: Bool) throws(GreenletLimit) -> RecordPointer {
        guard alive < limit else { throw .count(limit) }
        let record: RecordPointer
        if let warm = unsafe warm.popFirst() {
            unsafe record = warm
            warmCount -= 1
            if warmCount < warmLowWater { warmLowWater = warmCount }
        } else if let cold = unsafe cold.popFirst() {
            unsafe record = cold
        } else {
            unsafe record = try unsafe makeRecord(for: core, reserved: reserved)
        }
        alive += 1
        if alive > highWater { highWater = alive }
        serial += 1
        unsafe record.pointee.number = serial
        return unsafe record
    }

    /// Takes back the record of a greenlet that has ended.
    mutating func giveBack(_ record: RecordPointer) {
        unsafe record.pointee.state = .idle
        unsafe record.pointee.ticket &+= 1
        unsafe record.pointee.isKilled = false
        unsafe record.pointee.interruptions = 0
        alive -= 1
        unsafe warm.prepend(record)
        warmCount += 1
    }

    /// Gives the pages of stacks that nobody needed for a while back to the system.
    /// Whether there may be more of them.
    mutating func trimStacks(keeping kept: Int, atMost most: Int) -> Bool {
        var surplus = min(warmLowWater - kept, most)
        while surplus > 0, let record = unsafe warm.last {
            unsafe warm.remove(record)
            warmCount -= 1
            surplus -= 1
            unsafe green_fiber_discard(record.fiber)
            unsafe record.pointee.needsFiber = true
            unsafe stacks.trim(record.pointee.stack)
            unsafe cold.append(record)
        }
        let mayBeMore = warmLowWater - kept > most
        warmLowWater = mayBeMore ? warmLowWater - most : warmCount
        return mayBeMore
    }

    /// Frees all that the hub allocated; no greenlet is alive any more.
    func release() {
        for index in unsafe records.indices {
            let record = unsafe records[index]
            unsafe record.deinitialize(count: 1)
            unsafe record.deallocate()
        }
        timers.deallocate()
        stacks.unmap()
    }
}
