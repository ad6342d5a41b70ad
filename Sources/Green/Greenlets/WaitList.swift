/// Greenlets in a row, first come first served, linked through their records: the ready queue, and who waits for
/// an event, a socket or a queue. A plain value; its owner keeps it where no access stays open across a wait.
@safe struct WaitList {
    private(set) var first: RecordPointer?
    private(set) var last: RecordPointer?

    /// Whether nobody waits.
    var isEmpty: Bool { unsafe first == nil }

    /// Adds a record that is in no list.
    mutating func append(_ record: RecordPointer) {
        unsafe record.pointee.next = nil
        unsafe record.pointee.previous = last
        if let last = unsafe last {
            unsafe last.pointee.next = record
        } else {
            unsafe first = record
        }
        unsafe last = record
    }

    /// Adds a record that is in no list, before all others.
    mutating func prepend(_ record: RecordPointer) {
        unsafe record.pointee.previous = nil
        unsafe record.pointee.next = first
        if let first = unsafe first {
            unsafe first.pointee.previous = record
        } else {
            unsafe last = record
        }
        unsafe first = record
    }

    /// Takes the record that came first.
    mutating func popFirst() -> RecordPointer? {
        guard let record = unsafe first else { return nil }
        unsafe first = record.pointee.next
        if let next = unsafe record.pointee.next {
            unsafe next.pointee.previous = nil
        } else {
            unsafe last = nil
        }
        unsafe record.pointee.next = nil
        return unsafe record
    }

    /// Takes out a record that is in this list.
    mutating func remove(_ record: RecordPointer) {
        if let previous = unsafe record.pointee.previous {
            unsafe previous.pointee.next = record.pointee.next
        } else {
            unsafe first = record.pointee.next
        }
        if let next = unsafe record.pointee.next {
            unsafe next.pointee.previous = record.pointee.previous
        } else {
            unsafe last = record.pointee.previous
        }
        unsafe record.pointee.next = nil
        unsafe record.pointee.previous = nil
    }

    /// Appends all of `other`, in order, and empties it.
    mutating func take(_ other: inout WaitList) {
        guard let head = unsafe other.first else { return }
        unsafe head.pointee.previous = last
        if let last = unsafe last {
            unsafe last.pointee.next = head
        } else {
            unsafe first = head
        }
        unsafe last = other.last
        unsafe other.first = nil
        unsafe other.last = nil
    }
}
