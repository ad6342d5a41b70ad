internal import CGreen
internal import Glibc
internal import Synchronization

/// How many stacks of this process may have guards that take mappings: on kernels before Linux 6.13, which allow so many
/// mappings (`vm.max_map_count`) and refuse memory, threads and files once they are used up. A quarter of them is left to
/// all others.
package final class MappingBudget: Sendable {
    /// The one of this process.
    package static let shared = MappingBudget(mappings: allowedMappings())

    private let limit: Int
    private let used = Locked(0)
    private let hubs = Atomic<Int>(0)

    /// A budget where so many mappings are allowed; a guard takes two.
    package init(mappings: Int) {
        limit = max(0, mappings / 8 * 3)
    }

    /// Takes one guard's mappings: whether there were any. A sixteenth is kept for those who ask as `reserved`.
    func take(reserved: Bool) -> Bool {
        let most = reserved ? limit : limit - limit / 16
        return used.withLock { used in
            guard used < most else { return false }
            used += 1
            return true
        }
    }

    /// How many stacks a hub may expect where all hubs that need the budget have the same.
    var allowance: Int { limit / max(1, hubs.load(ordering: .relaxed)) }

    /// Counts one more hub that needs the budget, or one less.
    func countHub(_ change: Int) { hubs.wrappingAdd(change, ordering: .relaxed) }

    /// Gives so many back.
    func giveBack(_ count: Int) {
        used.withLock { $0 -= count }
    }

    /// What `vm.max_map_count` says; its usual value where it cannot be read.
    private static func allowedMappings() -> Int {
        let usual = 65530
        guard let bytes = try? SystemFiles().read("/proc/sys/vm/max_map_count", from: 0, count: 24) else { return usual }
        return Int(String(decoding: bytes.prefix { (48...57).contains($0) }, as: UTF8.self)) ?? usual
    }

    /// Has guards take mappings as on a kernel before Linux 6.13, in all of this process, for tests.
    package static func emulateOldKernel(_ on: Bool = true) { green_emulate_old_kernel(on) }
}
