internal import CGreen

/// What the hub knows of one greenlet. Lives in raw memory, is used again for later greenlets, and is never freed
/// while its hub lives, so that a stale pointer with an old ticket is harmless.
@safe struct GreenletRecord {
    /// What a record is doing.
    @safe enum State: UInt8 {
        /// In the pool.
        case idle
        /// In the ready queue.
        case ready
        /// On the processor, or waiting for a greenlet that it started at once.
        case running
        /// Suspended until somebody wakes it.
        case waiting
    }

    /// Why a wait ended.
    enum Cause: UInt8 {
        /// What was waited for came.
        case woken
        /// The wait's own deadline passed.
        case deadline
        /// Killed, or an enclosing timeout is over.
        case interrupted
    }

    /// The saved context; first, so that a pointer to the record is one to its fiber.
    var fiber = unsafe green_fiber()
    /// The hub it belongs to.
    let core: CorePointer
    /// Who resumed it, and gets control when it waits or ends and no other greenlet does.
    var resumer: UnsafeMutablePointer<green_fiber>?
    /// Neighbours in the ready queue or in one wait list.
    var next: RecordPointer?
    var previous: RecordPointer?
    /// Who waits for its end.
    var joiners = WaitList()
    /// The list it waits in, so that a deadline or a kill can take it out.
    var list: UnsafeMutablePointer<WaitList>?
    /// Counts this record's waits; wakes that carry an older ticket are too late.
    var ticket: UInt64 = 0
    var state = State.idle
    var cause = Cause.woken
    /// Somebody woke the wait that `ticket` names before it had begun.
    var wokenEarly = false
    var isKilled = false
    /// While above 0, a kill is kept for later.
    var shields: UInt16 = 0
    /// How many enclosing timeouts are over.
    var expired: UInt16 = 0
    /// How many waits have thrown an interruption that goes on.
    var interruptions: UInt32 = 0
    /// Whether the stack was never used, or given back, and its fiber must be made.
    var needsFiber = true
    /// The work: a C function, so that starting it needs no closure and no reference counting.
    var entry: GreenletEntry?
    var subject: UnsafeMutableRawPointer?
    var slot = 0
    /// The innermost enclosing timeout.
    var scope: UnsafeMutablePointer<TimeoutScope>?
    /// The timer of the present wait's own deadline.
    var timer = TimerNode(kind: .wait)
    var stack: UnsafeMutableRawPointer
    var stackSize: Int
    /// The stacks and guards around its own.
    let slab: (start: UnsafeMutableRawPointer, size: Int)
    /// What the greenlet waits for, for those who look at it.
    var waitsFor: StaticString = ""
    /// When the present wait began, as of its turn.
    var waitingSince = Instant(nanoseconds: 0)
    /// Its handle, where it has one.
    var handle: Unmanaged<AnyGreenlet>?
    /// Its greenlet-local values, once it has any.
    var locals: Unmanaged<LocalStorage>?
    /// When it was started.
    var startedAt = Instant(nanoseconds: 0)
    /// Its number since the hub's start.
    var number: UInt64 = 0
}

typealias RecordPointer = UnsafeMutablePointer<GreenletRecord>

/// The work of a greenlet that needs no closure: called with the subject and the slot number it was started with.
public typealias GreenletEntry = @convention(c) (_ subject: UnsafeMutableRawPointer?, _ slot: Int) -> Void

extension UnsafeMutablePointer<GreenletRecord> {
    /// The record as what the switch of stacks wants.
    var fiber: UnsafeMutablePointer<green_fiber> {
        unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: green_fiber.self)
    }

    /// Who waits for its end.
    var joiners: UnsafeMutablePointer<WaitList> {
        let offset = MemoryLayout<GreenletRecord>.offset(of: \.joiners)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: WaitList.self)
    }

    /// The timer of the present wait.
    var timer: UnsafeMutablePointer<TimerNode> {
        let offset = MemoryLayout<GreenletRecord>.offset(of: \.timer)!
        return unsafe (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: TimerNode.self)
    }
}
