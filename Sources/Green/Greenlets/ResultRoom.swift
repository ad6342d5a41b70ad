/// Room for the result of a greenlet, laid out alike for every type: a small plain value lies in it, any other in memory
/// of its own. With an optional in its place, or a generic type, the runtime would look up a type for each greenlet.
@usableFromInline @safe struct ResultRoom {
    @usableFromInline var words: (UInt, UInt) = (0, 0)
    /// Whether the first word leads to the value.
    @usableFromInline var isBoxed = false

    init() {}

    /// Keeps a value; once.
    @inlinable
    mutating func fill<Value>(_ value: consuming Value) {
        if _isPOD(Value.self), MemoryLayout<Value>.size <= MemoryLayout<(UInt, UInt)>.size,
            MemoryLayout<Value>.alignment <= MemoryLayout<(UInt, UInt)>.alignment
        {
            unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.storeBytes(of: value, as: Value.self) }
        } else {
            let box = UnsafeMutablePointer<Value>.allocate(capacity: 1)
            unsafe box.initialize(to: value)
            words.0 = UInt(bitPattern: box)
            isBoxed = true
        }
    }

    /// The value of that type that was kept.
    func value<Value>(_ type: Value.Type) -> Value {
        if isBoxed { return unsafe box(of: type).pointee }
        return unsafe withUnsafeBytes(of: words) { unsafe $0.load(as: type) }
    }

    /// Lets a value of that type go, if one was kept.
    @inline(__always)
    func empty<Value>(_ type: Value.Type) {
        guard isBoxed else { return }
        unsafe box(of: type).deinitialize(count: 1)
        unsafe box(of: type).deallocate()
    }

    private func box<Value>(of type: Value.Type) -> UnsafeMutablePointer<Value> {
        unsafe UnsafeMutablePointer(bitPattern: words.0)!
    }
}
