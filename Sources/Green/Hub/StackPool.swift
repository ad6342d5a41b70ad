internal import CGreen
internal import Glibc

/// Why a greenlet could not be started.
public enum GreenletLimit: Error, CustomStringConvertible {
    /// As many greenlets as the hub allows are alive.
    case count(Int)
    /// The system has no memory, or no mappings (`vm.max_map_count`), for another stack.
    case stacks(errno: Int32)

    /// One line for a log.
    public var description: String {
        switch self {
        case .count(let limit): "no new greenlet: the limit of \(limit) is reached"
        case .stacks(let code):
            "no new greenlet: no stack to be had (error \(code); is vm.max_map_count large enough?)"
        }
    }
}

/// Stacks for greenlets: slabs of address space in which only touched pages count, each stack with a guard below.
/// A slab is never given back while the hub lives, its pages are.
@safe struct StackPool {
    /// Address space of one stack in bytes, guard included.
    let stackSize: Int
    private let perSlab = 64
    private var slabs: [UnsafeMutableRawPointer] = unsafe []
    private var used = 0

    /// What a guard takes.
    static let guardSize = 4096

    init(stackSize: Int) {
        self.stackSize = max(16384, (stackSize + 4095) & ~4095)
        self.used = perSlab
    }

    /// The lowest usable byte of a stack that nobody had before.
    mutating func make() throws(GreenletLimit) -> UnsafeMutableRawPointer {
        if used == perSlab {
            let length = stackSize * perSlab
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            let slab = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0)
            guard let slab = unsafe slab, unsafe slab != MAP_FAILED else { throw .stacks(errno: errno) }
            unsafe madvise(slab, length, MADV_NOHUGEPAGE)
            unsafe slabs.append(slab)
            used = 0
        }
        let base = unsafe slabs[slabs.count - 1] + used * stackSize
        let failure = unsafe green_guard_install(base, Self.guardSize)
        guard failure == 0 else { throw .stacks(errno: -failure) }
        used += 1
        return unsafe base + Self.guardSize
    }

    /// Bytes of a stack that can be used.
    var usableSize: Int { stackSize - Self.guardSize }

    /// Gives the pages of an unused stack back to the system; the stack itself stays usable.
    func trim(_ stack: UnsafeMutableRawPointer) {
        unsafe madvise(stack, usableSize, MADV_DONTNEED)
    }

    /// Gives everything back.
    func unmap() {
        for index in unsafe slabs.indices { unsafe munmap(slabs[index], stackSize * perSlab) }
    }
}
