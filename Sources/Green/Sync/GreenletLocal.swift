internal import Synchronization

/// A value of which each greenlet has its own, beginning with the default.
///
/// ```swift
/// static let user = GreenletLocal<String?>(nil)
/// Self.user.value = "anna"       // for this greenlet, and no other
/// ```
///
/// Looking one up costs a search in a dictionary. The values go when the greenlet ends.
public final class GreenletLocal<Value: Sendable>: Sendable {
    private let number: UInt64
    private let initial: Value

    /// A local that begins as `initial` in each greenlet.
    public init(_ initial: Value) {
        self.initial = initial
        number = localNumbers.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// The running greenlet's own value.
    public var value: Value {
        get { LocalStorage.current(orNil: true)?.values[number] as? Value ?? initial }
        set { LocalStorage.current(orNil: false)!.values[number] = newValue }
    }
}

/// Numbers of all locals there ever were.
private let localNumbers = Atomic<UInt64>(0)

/// The local values of one greenlet.
final class LocalStorage {
    var values: [UInt64: Any] = [:]

    /// That of the running greenlet; nil, where asked so, if it has none yet.
    static func current(orNil: Bool) -> LocalStorage? {
        guard let record = unsafe Hub.current.core.pointee.current else {
            halt("a greenlet-local value outside of a greenlet")
        }
        if let locals = unsafe record.pointee.locals { return unsafe locals.takeUnretainedValue() }
        if orNil { return nil }
        let storage = LocalStorage()
        unsafe record.pointee.locals = Unmanaged.passRetained(storage)
        return storage
    }
}
