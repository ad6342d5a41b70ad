internal import CNghttp2
internal import Glibc
internal import Green

/// Where a responder's session has its memory from: `malloc`, but for the buffer in which nghttp2 puts together a frame that is
/// to be sent. That is as large as the largest frame, and is filled and handed out within one call, so that all sessions of a
/// thread have one between them (`HTTP2Scratch`), instead of 16 KiB for each connection that is idle.
@safe final class HTTP2SessionMemory {
    private let scratch: HTTP2Scratch
    /// Whether the session has the scratch's buffer; it never has it twice.
    private(set) var isLent = false
    /// Whether the session is being made: what it asks for later is its own.
    private var isLending = true

    /// Memory for one session, which must not outlive this.
    init(_ scratch: HTTP2Scratch) { self.scratch = scratch }

    /// As nghttp2 wants it.
    var callbacks: nghttp2_mem {
        // SAFETY: the responder keeps this as long as its session.
        unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(), malloc: Self.allocate, free: Self.release,
            calloc: Self.allocateZeros, realloc: Self.reallocate)
    }

    private static func with<Result>(
        _ memory: UnsafeMutableRawPointer?, _ body: (HTTP2SessionMemory) -> Result
    ) -> Result? {
        guard let memory = unsafe memory else { return nil }
        return unsafe Unmanaged<HTTP2SessionMemory>.fromOpaque(memory)._withUnsafeGuaranteedRef { body($0) }
    }

    private static let allocate: nghttp2_malloc = { size, memory in
        guard size >= HTTP2Scratch.frameSize, let lent = unsafe with(memory, { unsafe $0.lend(size) }) else {
            return unsafe malloc(size)
        }
        return unsafe lent ?? malloc(size)
    }

    private static let release: nghttp2_free = { bytes, memory in
        guard unsafe with(memory, { unsafe $0.takeBack(bytes) }) != true else { return }
        unsafe free(bytes)
    }

    private static let allocateZeros: nghttp2_calloc = { count, size, _ in unsafe calloc(count, size) }

    private static let reallocate: nghttp2_realloc = { bytes, size, memory in
        guard let old = unsafe bytes else { return unsafe allocate(size, memory) }
        let isLent = unsafe with(memory, { unsafe $0.isLent && $0.scratch.isFrame(old) }) == true
        require(!isLent, "nghttp2 makes the room for a frame larger, which it shares with other sessions")
        return unsafe realloc(old, size)
    }

    /// The session is made.
    func endLending() { isLending = false }

    private func lend(_ size: Int) -> UnsafeMutableRawPointer? {
        guard isLending, !isLent, let buffer = unsafe scratch.frame(size) else { return nil }
        isLent = true
        return unsafe buffer
    }

    private func takeBack(_ bytes: UnsafeMutableRawPointer?) -> Bool {
        guard isLent, let bytes = unsafe bytes, unsafe scratch.isFrame(bytes) else { return false }
        isLent = false
        return true
    }
}
