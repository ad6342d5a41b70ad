internal import Glibc
internal import Green

/// A range of address space of its own. A page of it takes memory from when it is first written; before that it reads as
/// zeros and costs nothing.
@safe
struct Reservation: ~Copyable {
    /// Where the range starts, aligned to a page.
    let base: UnsafeMutableRawPointer
    /// How long it is, in bytes.
    let byteCount: Int

    /// Reserves address space; memory is neither set aside nor touched.
    init(byteCount: Int) throws(CacheError) {
        let protection = PROT_READ | PROT_WRITE
        let kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = unsafe mmap(nil, byteCount, protection, kind, -1, 0), unsafe start != MAP_FAILED else {
            throw .cannotReserve(byteCount: byteCount, errno: errno)
        }
        // A huge page would make 2 MiB resident for one entry, so that an almost empty cache would not be small.
        unsafe madvise(start, byteCount, MADV_NOHUGEPAGE)
        unsafe base = start
        self.byteCount = byteCount
    }

    /// So much is given back at once, for giving back what was used takes time: some ten microseconds.
    private static var sliceBytes: Int { 256 << 10 }

    deinit {
        for start in stride(from: 0, to: byteCount, by: Self.sliceBytes) {
            giveWay()
            // SAFETY: the range is this value's own, and nothing borrows from it longer than the value lives.
            unsafe munmap(base + start, min(Self.sliceBytes, byteCount - start))
        }
    }
}
