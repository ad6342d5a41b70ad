/// The index's array of bucket heads: entry numbers, 0 for an empty bucket. It takes memory as far as it is used.
@safe
struct HeadTable: ~Copyable {
    /// The memory.
    let memory: Reservation
    /// How many heads fit.
    let limit: Int

    /// Reserves room for `limit` heads.
    init(limit: Int) throws(CacheError) {
        memory = try Reservation(byteCount: limit * MemoryLayout<UInt32>.stride)
        self.limit = limit
    }

    /// The first entry of a bucket.
    subscript(bucket: Int) -> UInt32 {
        get {
            precondition(bucket >= 0 && bucket < limit, "no such bucket")
            // SAFETY: the index was checked and the memory starts on a page.
            return unsafe memory.base.load(fromByteOffset: bucket &* 4, as: UInt32.self)
        }
        set {
            precondition(bucket >= 0 && bucket < limit, "no such bucket")
            // SAFETY: as above.
            unsafe memory.base.storeBytes(of: newValue, toByteOffset: bucket &* 4, as: UInt32.self)
        }
    }
}
