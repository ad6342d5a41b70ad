/// The index's array of bucket heads. It takes memory as far as it is used.
@safe
struct HeadTable: ~Copyable {
    /// The memory.
    let memory: Reservation
    /// How many heads fit.
    let limit: Int

    /// Reserves room for `limit` heads.
    init(limit: Int) throws(CacheError) {
        memory = try Reservation(byteCount: limit * MemoryLayout<BucketHead>.stride)
        self.limit = limit
    }

    /// The head of a bucket.
    subscript(bucket: Int) -> BucketHead {
        @inline(__always) _read {
            // SAFETY: the index is checked, the memory starts on a page, and a head may have any bits.
            yield unsafe address(bucket).pointee
        }
        @inline(__always) _modify {
            // SAFETY: as above; the table is borrowed exclusively while the head changes.
            yield unsafe &address(bucket).pointee
        }
    }

    /// Where a head lies.
    @inline(__always)
    private func address(_ bucket: Int) -> UnsafeMutablePointer<BucketHead> {
        precondition(bucket >= 0 && bucket < limit, "no such bucket")
        return unsafe memory.base.assumingMemoryBound(to: BucketHead.self) + bucket
    }
}
