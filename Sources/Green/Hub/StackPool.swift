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
    /// Address space of one stack in bytes.
    let stackSize: Int
    /// What traps below it.
    let guardSize: Int
    private let budget: MappingBudget
    private let perSlab = 64
    private var slabs: [UnsafeMutableRawPointer] = unsafe []
    private var used = 0
    /// How many guards the budget has given.
    private var budgeted = 0
    /// Whether guards take mappings here.
    private var needsBudget = false

    init(stackSize: Int, guardSize: Int, budget: MappingBudget = .shared) {
        self.stackSize = Self.pages(stackSize, least: 16384)
        self.guardSize = Self.pages(guardSize, least: 4096)
        self.budget = budget
        self.used = perSlab
    }

    /// Whole pages; a nonsense size is no crash.
    private static func pages(_ size: Int, least: Int) -> Int {
        min(max(least, size), 1 << 40) + 4095 & ~4095
    }

    private var stride: Int { stackSize + guardSize }

    /// The lowest usable byte of a stack that nobody had before. `reserved`: for work that is to go on where little is left.
    mutating func make(reserved: Bool) throws(GreenletLimit) -> UnsafeMutableRawPointer {
        if used == perSlab {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            let slab = unsafe mmap(nil, stride * perSlab, PROT_READ | PROT_WRITE, flags, -1, 0)
            guard let slab = unsafe slab, unsafe slab != MAP_FAILED else { throw .stacks(errno: errno) }
            unsafe madvise(slab, stride * perSlab, MADV_NOHUGEPAGE)
            unsafe slabs.append(slab)
            used = 0
        }
        let base = unsafe slabs[slabs.count - 1] + used * stride
        if unsafe green_guard_install(base, guardSize) != 0 { try unsafe protect(base, reserved: reserved) }
        used += 1
        return unsafe base + guardSize
    }

    /// Makes a guard that takes mappings of its own: within the budget, but for a hub's first slab.
    private mutating func protect(_ base: UnsafeMutableRawPointer, reserved: Bool) throws(GreenletLimit) {
        if !needsBudget {
            needsBudget = true
            budget.countHub(1)
        }
        let isBudgeted = unsafe slabs.count > 1
        if isBudgeted {
            guard budget.take(reserved: reserved) else { throw .stacks(errno: ENOMEM) }
            budgeted += 1
        }
        let failure = unsafe green_guard_protect(base, guardSize)
        guard failure != 0 else { return }
        if isBudgeted {
            budget.giveBack(1)
            budgeted -= 1
        }
        throw .stacks(errno: -failure)
    }

    /// How many stacks there may be, where guards take mappings; nil where they take none.
    var allowance: Int? { needsBudget ? budget.allowance : nil }

    /// All that lies around the stack that was made last.
    var slab: (start: UnsafeMutableRawPointer, size: Int) { unsafe (slabs[slabs.count - 1], stride * perSlab) }

    /// Gives the pages of an unused stack back to the system; the stack itself stays usable.
    func trim(_ stack: UnsafeMutableRawPointer) {
        unsafe madvise(stack, stackSize, MADV_DONTNEED)
    }

    /// Gives everything back.
    func unmap() {
        for index in unsafe slabs.indices { unsafe munmap(slabs[index], stride * perSlab) }
        budget.giveBack(budgeted)
        if needsBudget { budget.countHub(-1) }
    }
}
