/// What a server keeps of a request's head, in memory that all connections of a thread share: a head is read between two waits,
/// most often, and what of it came before a wait is put aside.
@safe public final class HTTP2Head {
    /// A field that is kept; of others only the bytes are counted.
    public enum Field: Int, CaseIterable, Sendable {
        case method, path, contentType, forwardedFor

        /// Its name.
        var name: StaticString {
            switch self {
            case .method: ":method"
            case .path: ":path"
            case .contentType: "content-type"
            case .forwardedFor: "x-forwarded-for"
            }
        }
    }

    /// What was put aside of a head.
    struct Part {
        var bytes: [UInt8]
        var ranges: [Range<Int>]
        var total: Int
    }

    /// The bytes of the fields, one after the other; room for twice the limit.
    private let storage: UnsafeMutableRawBufferPointer
    private var count = 0
    private var ranges = [Range<Int>](repeating: 0..<0, count: Field.allCases.count)
    /// Bytes of the whole head, as RFC 9113 6.5.2 counts them.
    private var total = 0
    private let limit: Int

    /// Room for heads of so many bytes.
    init(limit: Int) {
        self.limit = limit
        unsafe storage = .allocate(byteCount: limit, alignment: 8)
    }

    deinit { unsafe storage.deallocate() }

    /// Begins with another head.
    func clear() {
        (count, total) = (0, 0)
        for index in ranges.indices { ranges[index] = 0..<0 }
    }

    /// Whether it is longer than may be; what came above that was not kept.
    public var isTooLong: Bool { total > limit }

    /// Takes a field, unless there are too many. Of several with one name the last stands: of forwarders that is the
    /// nearest.
    func take(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        total += name.count + value.count + 32
        guard total <= limit else { return }
        for field in Field.allCases where field.name.utf8CodeUnitCount == name.count {
            guard field.name.withUTF8Buffer({ unsafe $0.elementsEqual(name) }) else { continue }
            // SAFETY: what is kept is less than the total, which is within the limit.
            unsafe UnsafeMutableRawBufferPointer(rebasing: storage[count...]).copyBytes(from: value)
            ranges[field.rawValue] = count..<count + value.count
            count += value.count
        }
    }

    /// Puts what there is aside.
    func part() -> Part { Part(bytes: unsafe Array(storage[..<count]), ranges: ranges, total: total) }

    /// Goes on with what was put aside.
    func restore(_ part: Part) {
        unsafe storage.copyBytes(from: part.bytes)
        (count, ranges, total) = (part.bytes.count, part.ranges, part.total)
    }

    /// Calls `body` with the bytes of a field; empty ones where it is not there.
    public func with<Result>(_ field: Field, _ body: (Span<UInt8>) -> Result) -> Result {
        // SAFETY: the range is within the storage, which nothing changes before `body` returns.
        let part = unsafe UnsafeRawBufferPointer(rebasing: storage[ranges[field.rawValue]])
        return body(unsafe Span(_unsafeBytes: part))
    }

    /// Whether a field came, be it empty.
    public func has(_ field: Field) -> Bool { ranges[field.rawValue] != 0..<0 }

    /// Whether a field is this text.
    public func `is`(_ field: Field, _ text: StaticString) -> Bool {
        // SAFETY: as above.
        let part = unsafe storage[ranges[field.rawValue]]
        return text.withUTF8Buffer { unsafe $0.elementsEqual(part) }
    }
}
