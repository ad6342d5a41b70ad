/// A greenlet as it runs, for who may have to end what it does before it is done, whether or not it has a handle. Belongs
/// to its hub's thread.
@safe public struct RunningGreenlet {
    /// Keeps the record's memory, for a kill that comes long after.
    private let hub: Hub
    private let record: RecordPointer
    private let number: UInt64

    /// The greenlet that runs now.
    public init() {
        hub = Hub.current
        guard let record = unsafe hub.core.pointee.current else { halt("RunningGreenlet outside of a greenlet") }
        unsafe self.record = record
        number = unsafe record.pointee.number
    }

    /// Ends it: its present wait and each later one throws `Interruption.killed`. Does nothing where it has ended.
    public func kill() {
        let core = unsafe hub.core
        unsafe core.checkThread("a greenlet")
        guard unsafe record.pointee.number == number, unsafe record.pointee.state != .idle else { return }
        unsafe core.kill(record)
    }
}
