internal import CGreen
internal import Glibc

/// The buffers of a hub's datagrams: taken for the time of a receive, a handler or a send, the last used first, so
/// that few of them are ever touched.
@safe final class DatagramArena {
    /// What changes; raw, because greenlets switch while buffers are out.
    @safe struct State {
        var free: UnsafeMutablePointer<UnsafeMutablePointer<green_slot>?>
        var freeCount = 0
    }

    /// Bytes of one buffer. A longer datagram is cut and marked so.
    static let slotCapacity = 4096
    /// Bytes from one buffer to the next: three cache lines more than a page, so that the beginnings of a batch's
    /// buffers do not all compete for the same few places of the first-level cache.
    static let slotStride = slotCapacity + 192
    /// How many buffers there are.
    static let slotCount = 1024

    let state: UnsafeMutablePointer<State>
    private let slots: UnsafeMutablePointer<green_slot>
    /// The buffers; nil where the system had no room for them yet.
    private var memory: UnsafeMutableRawPointer?

    init() {
        unsafe slots = .allocate(capacity: Self.slotCount)
        unsafe slots.initialize(repeating: green_slot(), count: Self.slotCount)
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: State(free: .allocate(capacity: Self.slotCount)))
        fill()
    }

    /// Takes address space for the buffers, where that could not be had before.
    func fill() {
        guard unsafe memory == nil else { return }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let memory = unsafe mmap(nil, Self.slotStride * Self.slotCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return }
        unsafe self.memory = memory
        for index in (0..<Self.slotCount).reversed() {
            unsafe slots[index].data = (memory + index * Self.slotStride).assumingMemoryBound(to: UInt8.self)
            unsafe slots[index].capacity = UInt32(Self.slotCapacity)
            unsafe state.pointee.free[state.pointee.freeCount] = slots + index
            unsafe state.pointee.freeCount += 1
        }
    }

    /// How many buffers are not free.
    var inUse: Int { unsafe memory == nil ? 0 : Self.slotCount - state.pointee.freeCount }

    deinit {
        if let memory = unsafe memory { unsafe munmap(memory, Self.slotStride * Self.slotCount) }
        unsafe state.pointee.free.deallocate()
        unsafe state.deallocate()
        unsafe slots.deallocate()
    }
}

extension UnsafeMutablePointer<DatagramArena.State> {
    /// A free buffer, or nil.
    @inline(__always)
    func take() -> UnsafeMutablePointer<green_slot>? {
        guard unsafe pointee.freeCount > 0 else { return nil }
        unsafe pointee.freeCount -= 1
        return unsafe pointee.free[pointee.freeCount]
    }

    /// Takes a buffer back.
    @inline(__always)
    func giveBack(_ slot: UnsafeMutablePointer<green_slot>) {
        unsafe pointee.free[pointee.freeCount] = slot
        unsafe pointee.freeCount += 1
    }
}
