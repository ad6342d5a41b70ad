internal import CGreen
internal import Glibc

/// Memory of fixed 64-byte blocks. An entry is a chain of them: the first starts with its header, all others with the
/// number of the next, and what is left of them holds the payload. Any entry can be freed without leaving a hole that the
/// next one does not fit into.
///
/// Blocks are numbered from 1, so that 0 can say "none". Every number is checked, so that a wrong one traps instead of
/// reaching into foreign memory; a number that is in use for something else is the caller's error, but stays in bounds.
@safe
struct BlockStore: ~Copyable {
    /// The size of a block.
    static var blockSize: Int { 64 }
    /// How much of the first block is left for payload.
    static var firstPayload: Int { blockSize - MemoryLayout<EntryHeader>.stride }
    /// How much of every other block is left for payload.
    static var nextPayload: Int { blockSize - MemoryLayout<UInt32>.stride }

    /// The memory.
    let memory: Reservation
    /// How many blocks there may be.
    let limit: Int
    /// How many blocks have ever been used: only these take memory.
    private(set) var touched = 0
    /// How many blocks are in use.
    private(set) var used = 0
    /// The first of the blocks that were used and freed, 0 for none.
    private var firstFree: UInt32 = 0

    /// Reserves room for `limit` blocks.
    init(limit: Int) throws(CacheError) {
        memory = try Reservation(byteCount: (limit + 1) * Self.blockSize)
        self.limit = limit
    }

    /// How many blocks can still be had.
    var available: Int { limit - used }

    /// How many blocks a payload of some length takes.
    static func blocks(forPayload length: Int) -> Int {
        length <= firstPayload ? 1 : 1 + (length - firstPayload + nextPayload - 1) / nextPayload
    }

    /// Where a block lies.
    @inline(__always)
    private func address(_ block: UInt32) -> UnsafeMutableRawPointer {
        precondition(block > 0 && Int(block) <= touched, "no such block")
        // SAFETY: the number was checked against what is reserved.
        return unsafe memory.base + Int(block) &* Self.blockSize
    }

    /// Has the processor fetch the header of an entry that will be looked at soon; 0 for none.
    @inline(__always)
    func prefetch(_ entry: UInt32) {
        guard entry > 0, Int(entry) <= touched else { return }
        unsafe green_prefetch(address(entry))
    }

    /// The number of the block after a block of a chain, 0 for none.
    @inline(__always)
    private func link(of block: UInt32) -> UInt32 { unsafe address(block).load(as: UInt32.self) }

    /// The header of the entry that starts with a block.
    subscript(entry: UInt32) -> EntryHeader {
        @inline(__always) _read {
            // SAFETY: every block begins on 64 bytes and is at least as long as a header, of which any bits are valid.
            yield unsafe address(entry).assumingMemoryBound(to: EntryHeader.self).pointee
        }
        @inline(__always) _modify {
            // SAFETY: as above; the store is borrowed exclusively while the header changes.
            yield unsafe &address(entry).assumingMemoryBound(to: EntryHeader.self).pointee
        }
    }

    /// Takes a chain for a payload of some length, its header fresh; nil when there are too few blocks.
    mutating func makeEntry(payloadLength: Int) -> UInt32? {
        let needed = Self.blocks(forPayload: payloadLength)
        guard needed <= available else { return nil }
        var next: UInt32 = 0
        for _ in 1..<needed {
            let block = takeBlock()
            unsafe address(block).storeBytes(of: next, as: UInt32.self)
            next = block
        }
        let entry = takeBlock()
        // SAFETY: the block was free, so nothing else looks at it as anything.
        unsafe address(entry).bindMemory(to: EntryHeader.self, capacity: 1).initialize(to: EntryHeader(nextBlock: next))
        return entry
    }

    /// Takes one block; there must be one.
    private mutating func takeBlock() -> UInt32 {
        used += 1
        guard firstFree != 0 else {
            touched += 1
            return UInt32(truncatingIfNeeded: touched)
        }
        let block = firstFree
        firstFree = link(of: block)
        return block
    }

    /// Frees an entry's blocks.
    mutating func free(_ entry: UInt32) {
        var last = entry
        var count = 1
        while link(of: last) != 0 {
            last = link(of: last)
            count += 1
        }
        unsafe address(last).storeBytes(of: firstFree, as: UInt32.self)
        firstFree = entry
        used -= count
    }

    /// Copies part of an entry's payload into a buffer. Both ranges must be in bounds.
    @inline(__always)
    func copyPayload(of entry: UInt32, from start: Int, count: Int, into buffer: inout MutableSpan<UInt8>, at offset: Int) {
        precondition(offset >= 0 && count >= 0 && offset + count <= buffer.count, "the buffer is too small")
        unsafe buffer.withUnsafeMutableBytes { target in
            var written = offset
            let end = offset + count
            var chunk = Chunk(of: self, entry)
            var skip = start
            while written < end {
                // SAFETY: the chunk's bounds are a block's; the target's were checked above.
                let part = min(chunk.count - skip, end - written)
                if part > 0 {
                    unsafe memcpy(target.baseAddress! + written, chunk.start + skip, part)
                    written += part
                    skip = 0
                } else {
                    skip -= chunk.count
                }
                if written < end { chunk.advance(in: self) }
            }
        }
    }

    /// Writes part of an entry's payload.
    mutating func writePayload(of entry: UInt32, at start: Int, _ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { source in
            var read = 0
            var chunk = Chunk(of: self, entry)
            var skip = start
            while read < source.count {
                // SAFETY: the chunk's bounds are a block's; the source is read to its end at most.
                let part = min(chunk.count - skip, source.count - read)
                if part > 0 {
                    unsafe memcpy(chunk.start + skip, source.baseAddress! + read, part)
                    read += part
                    skip = 0
                } else {
                    skip -= chunk.count
                }
                if read < source.count { chunk.advance(in: self) }
            }
        }
    }

    /// Whether an entry's payload begins with these bytes.
    @inline(__always)
    func payload(of entry: UInt32, beginsWith bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBytes { wanted in
            var read = 0
            var chunk = Chunk(of: self, entry)
            while true {
                let part = min(chunk.count, wanted.count - read)
                // SAFETY: both ranges were bounded by the line above; an empty span is never compared.
                if part > 0, unsafe memcmp(chunk.start, wanted.baseAddress! + read, part) != 0 { return false }
                read += part
                if read == wanted.count { return true }
                guard chunk.next != 0 else { return false }
                chunk.advance(in: self)
            }
        }
    }

    /// The payload part of one block of a chain. Lives no longer than the call that walks along the chain.
    @safe
    private struct Chunk {
        /// Where it starts.
        var start: UnsafeMutableRawPointer
        /// How long it is.
        var count: Int
        /// The block after it, 0 for none.
        var next: UInt32

        /// The part of an entry's first block.
        @inline(__always)
        init(of store: borrowing BlockStore, _ entry: UInt32) {
            unsafe start = store.address(entry) + MemoryLayout<EntryHeader>.stride
            count = BlockStore.firstPayload
            next = store.link(of: entry)
        }

        /// Moves to the next block, which must be there.
        @inline(__always)
        mutating func advance(in store: borrowing BlockStore) {
            let block = next
            unsafe start = store.address(block) + MemoryLayout<UInt32>.stride
            count = BlockStore.nextPayload
            next = store.link(of: block)
        }
    }
}
