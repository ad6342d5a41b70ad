/// Room for the result of a greenlet, laid out alike for every type: a small plain value lies in it, any other in memory
/// of its own. An optional in its place would have the runtime look up a type for each greenlet that goes.
@usableFromInline @safe struct ResultRoom<Success> {
    @usableFromInline var words: (UInt, UInt) = (0, 0)

    @inlinable init() {}

    /// Whether such a value needs no memory of its own, and nothing done when it goes.
    @inlinable static var fits: Bool {
        _isPOD(Success.self) && MemoryLayout<Success>.size <= MemoryLayout<(UInt, UInt)>.size
            && MemoryLayout<Success>.alignment <= MemoryLayout<(UInt, UInt)>.alignment
    }

    @inlinable var boxed: UnsafeMutablePointer<Success>? { unsafe UnsafeMutablePointer(bitPattern: words.0) }

    /// Keeps a value; once.
    @inlinable mutating func fill(_ value: consuming Success) {
        if Self.fits {
            unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.storeBytes(of: value, as: Success.self) }
        } else {
            let box = UnsafeMutablePointer<Success>.allocate(capacity: 1)
            unsafe box.initialize(to: value)
            words.0 = UInt(bitPattern: box)
        }
    }

    /// The value that was kept.
    @inlinable var value: Success {
        if Self.fits { return unsafe withUnsafeBytes(of: words) { unsafe $0.load(as: Success.self) } }
        return unsafe boxed!.pointee
    }

    /// Lets the value go, if one was kept.
    func empty() {
        guard !Self.fits, let box = unsafe boxed else { return }
        unsafe box.deinitialize(count: 1)
        unsafe box.deallocate()
    }
}
