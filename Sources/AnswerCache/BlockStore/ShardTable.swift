internal import Glibc

/// All shards of a cache, each with its lock, in raw memory: reaching one costs neither a reference count nor an
/// exclusivity check, and the lock lies on a cache line that only users of that shard touch.
@safe
struct ShardTable: ~Copyable, @unchecked Sendable {
    // SAFETY: a shard is reached only through `LockedShard`, which holds its lock for as long as it exists.

    /// How many shards there are; a power of two, or 0 for a cache that is off.
    let count: Int
    /// The places of the shards.
    private let places: UnsafeMutableRawPointer

    /// A place's size: the lock's own 64 bytes, then the shard, up to a multiple of two cache lines, which the processor
    /// fetches together.
    private static var stride: Int { (64 + MemoryLayout<Shard>.stride + 127) & ~127 }

    /// How many bytes a shard takes besides what it keeps.
    static var bytesPerShard: Int { stride }

    /// Makes `count` shards that share `byteBudget`.
    init(count: Int, byteBudget: Int) throws(CacheError) {
        // Into `self` only when nothing can fail any more: with all of `self` set, a throw would run `deinit` as well.
        let places = UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * Self.stride, alignment: 128)
        for number in 0..<count {
            do {
                let shard = try Shard(byteBudget: byteBudget / count - Self.stride)
                // SAFETY: the place is this shard's own and was not used before.
                unsafe Self.initialize(places + number * Self.stride, to: shard)
            } catch {
                // The shards made so far must not be left behind.
                for made in 0..<number { unsafe Self.destroy(places + made * Self.stride) }
                unsafe places.deallocate()
                throw error
            }
        }
        self.count = count
        unsafe self.places = places
    }

    /// Sets up a lock and a shard at a place. Who finds the lock closed looks again for some microseconds before it sleeps:
    /// nobody holds it for longer, and on a machine that is busy who sleeps may not be woken for milliseconds.
    private static func initialize(_ place: UnsafeMutableRawPointer, to shard: consuming Shard) {
        // SAFETY: the caller's place is fresh, aligned to 128 bytes and `stride` long.
        var attributes = pthread_mutexattr_t()
        unsafe pthread_mutexattr_init(&attributes)
        unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
        unsafe pthread_mutex_init(place.bindMemory(to: pthread_mutex_t.self, capacity: 1), &attributes)
        unsafe pthread_mutexattr_destroy(&attributes)
        unsafe (place + 64).bindMemory(to: Shard.self, capacity: 1).initialize(to: shard)
    }

    deinit {
        for number in 0..<count { unsafe Self.destroy(places + number * Self.stride) }
        unsafe places.deallocate()
    }

    /// Ends the shard and the lock at a place.
    private static func destroy(_ place: UnsafeMutableRawPointer) {
        // SAFETY: both were initialized there, and nobody holds the lock of a table that ends.
        unsafe (place + 64).assumingMemoryBound(to: Shard.self).deinitialize(count: 1)
        unsafe pthread_mutex_destroy(place.assumingMemoryBound(to: pthread_mutex_t.self))
    }

    /// The number of the shard that keeps keys with a hash: by the high bits, as buckets go by the low ones.
    @inline(__always)
    func number(forHash hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 32) & (count - 1) }

    /// Locks a shard for as long as the returned value exists.
    @inline(__always)
    func lock(_ number: Int) -> LockedShard {
        precondition(number >= 0 && number < count, "no such shard")
        // SAFETY: the number was checked.
        return unsafe LockedShard(locking: places + number &* Self.stride)
    }
}

/// A shard whose lock is held; the lock is opened when this value ends. Nothing may wait while it exists, and no second
/// one is made: one lock at a time, so that there is no order to keep.
@safe
struct LockedShard: ~Copyable {
    /// The shard's place in the table.
    private let place: UnsafeMutableRawPointer

    /// Closes the lock.
    @inline(__always)
    fileprivate init(locking place: UnsafeMutableRawPointer) {
        unsafe self.place = place
        unsafe pthread_mutex_lock(place.assumingMemoryBound(to: pthread_mutex_t.self))
    }

    deinit {
        unsafe pthread_mutex_unlock(place.assumingMemoryBound(to: pthread_mutex_t.self))
    }

    /// The shard.
    var shard: Shard {
        @inline(__always) _read {
            // SAFETY: the lock is held, and the table outlives the calls in which shards are locked.
            yield unsafe (place + 64).assumingMemoryBound(to: Shard.self).pointee
        }
        @inline(__always) _modify {
            // SAFETY: as above; this value is borrowed exclusively, and there is one per lock.
            yield unsafe &(place + 64).assumingMemoryBound(to: Shard.self).pointee
        }
    }
}
