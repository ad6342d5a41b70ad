/// Room for the result of a greenlet, laid out alike for every type: a small plain value lies in it, any other in memory
/// of its own. With an optional in its place, or a generic type, the runtime would look up a type for each greenlet.
@safe struct ResultRoom {
    private var words: (UInt, UInt) = (0, 0)

    /// Whether such a value needs no memory of its own, and nothing done when it goes.
    @inline(__always)
    private static func holds<Value>(_ type: Value.Type) -> Bool {
        _isPOD(type) && MemoryLayout<Value>.size <= MemoryLayout<(UInt, UInt)>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<(UInt, UInt)>.alignment
    }

    @inline(__always)
    private func box<Value>(of type: Value.Type) -> UnsafeMutablePointer<Value>? {
        unsafe UnsafeMutablePointer(bitPattern: words.0)
    }

    /// Keeps a value; once.
    mutating func fill<Value>(_ value: consuming Value) {
        if Self.holds(Value.self) {
            unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.storeBytes(of: value, as: Value.self) }
        } else {
            let box = UnsafeMutablePointer<Value>.allocate(capacity: 1)
            unsafe box.initialize(to: value)
            words.0 = UInt(bitPattern: box)
        }
    }

    /// The value of that type that was kept.
    func value<Value>(_ type: Value.Type) -> Value {
        if Self.holds(type) { return unsafe withUnsafeBytes(of: words) { unsafe $0.load(as: type) } }
        return unsafe box(of: type)!.pointee
    }

    /// Lets a value of that type go, if one was kept.
    @inline(__always)
    func empty<Value>(_ type: Value.Type) {
        guard !Self.holds(type), let box = unsafe box(of: type) else { return }
        unsafe box.deinitialize(count: 1)
        unsafe box.deallocate()
    }
}
