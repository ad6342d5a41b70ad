/// A tier of the cache, in the order in which they are asked.
enum CacheTier: String, CaseIterable {
    /// This daemon's own memory.
    case memory
    /// The Redis that instances share.
    case redis
}
