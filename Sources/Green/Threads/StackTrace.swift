internal import CGreen

/// Where code is: the functions that have called each other, the innermost first. Their names come from the symbols of the
/// program's files, so that a program whose symbols were stripped shows offsets only (`addr2line` and the file that was stripped
/// know more). Of a function that keeps no frame pointer, as the C library's do, the caller may be missing.
///
/// Taking one costs a look at each frame; names cost a search in the files, when they are asked for.
public struct StackTrace: Sendable, CustomStringConvertible {
    /// The return addresses.
    public let addresses: [UInt]

    init(_ addresses: [UInt]) {
        self.addresses = addresses
    }

    /// Where a suspended greenlet waits.
    init(of record: RecordPointer) {
        addresses = unsafe [UInt](unsafeUninitializedCapacity: Int(GREEN_TRACE)) { buffer, count in
            count = unsafe Int(green_trace_fiber(record.fiber, buffer.baseAddress, Int32(GREEN_TRACE)))
        }
    }

    /// Where the thread of that number is, which must have admitted this; nil where it does not answer.
    init?(ofThread number: Int32) {
        addresses = unsafe [UInt](unsafeUninitializedCapacity: Int(GREEN_TRACE)) { buffer, count in
            count = unsafe Int(green_trace_thread(number, buffer.baseAddress, Int32(GREEN_TRACE)))
        }
        if addresses.isEmpty { return nil }
    }

    /// Whether traces can be had: on processors for which it is known where a stack keeps its return addresses (x86-64, arm64).
    public static var isSupported: Bool {
        #if arch(x86_64) || arch(arm64)
        true
        #else
        false
        #endif
    }

    /// One line for each function. May block for the time of some reads of files.
    public var functions: [String] {
        var known: [UInt: String] = [:]
        return functions(&known)
    }

    /// The same, by names that are known from other traces.
    func functions(_ known: inout [UInt: String]) -> [String] {
        addresses.enumerated().map { index, address in
            // A return address may be the first of the next function.
            let place = index == 0 ? address : address - 1
            let name = known[place] ?? Self.describe(place)
            known[place] = name
            return name
        }
    }

    /// The lines of `functions`.
    public var description: String { functions.joined(separator: "\n") }

    /// The name of one function, or the file and the offset in it.
    private static func describe(_ place: UInt) -> String {
        let room = 2_048
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 3 * room) { space in
            let (name, file, readable) = unsafe (space.baseAddress!, space.baseAddress! + room, space.baseAddress! + 2 * room)
            let offset = unsafe green_describe_address(place, name, room, file, room)
            let path = unsafe String(cString: file)
            guard unsafe name.pointee != 0 else {
                return "\(path.split(separator: "/").last ?? "?") + 0x\(String(offset, radix: 16))"
            }
            unsafe green_demangle(name, readable, room)
            return unsafe String(cString: readable)
        }
    }
}

extension Hub {
    /// Where a greenlet of this hub waits, by its number; nil where there is none, or it runs now. Costs a look at all of them.
    public func stackTrace(of number: UInt64) -> StackTrace? {
        unsafe core.checkThread("a hub")
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            guard unsafe record.pointee.number == number, unsafe record.pointee.state != .idle else { continue }
            return unsafe trace(of: record)
        }
        return nil
    }

    /// Where all of them wait, by their numbers.
    var stackTraces: [UInt64: StackTrace] {
        var traces: [UInt64: StackTrace] = [:]
        for index in unsafe core.pointee.records.indices {
            let record = unsafe core.pointee.records[index]
            if unsafe record.pointee.state != .idle { traces[unsafe record.pointee.number] = unsafe trace(of: record) }
        }
        return traces
    }

    private func trace(of record: RecordPointer) -> StackTrace? {
        guard unsafe record != core.pointee.current, unsafe !record.pointee.needsFiber else { return nil }
        return unsafe StackTrace(of: record)
    }
}
