/// The fields of a message's head, the pseudo ones (`:method`, `:status`) first: all of them in one array of bytes.
public struct HTTP2Fields: Hashable, Sendable {
    /// Names and values, one after the other.
    var bytes: [UInt8] = []
    /// Where each name and each value ends.
    var ends: [Int] = []

    /// No fields.
    public init() {}

    /// Some fields; names are in lower case.
    public init(_ fields: [(name: String, value: String)]) {
        for field in fields { append(field.name, field.value) }
    }

    /// How many there are.
    public var count: Int { ends.count / 2 }
    /// How many bytes names and values take.
    public var byteCount: Int { bytes.count }

    /// Adds one; its name is in lower case.
    public mutating func append(_ name: String, _ value: String) {
        bytes += name.utf8
        ends.append(bytes.count)
        bytes += value.utf8
        ends.append(bytes.count)
    }

    /// Adds one as it came.
    mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        unsafe bytes.append(contentsOf: name)
        ends.append(bytes.count)
        unsafe bytes.append(contentsOf: value)
        ends.append(bytes.count)
    }

    /// Where the name of a field stands, and where its value.
    func ranges(_ index: Int) -> (name: Range<Int>, value: Range<Int>) {
        let start = index == 0 ? 0 : ends[2 * index - 1]
        return (start..<ends[2 * index], ends[2 * index]..<ends[2 * index + 1])
    }

    /// The bytes of the first field of that name, in lower case.
    public func value(_ name: StaticString) -> ArraySlice<UInt8>? {
        for index in 0..<count {
            let (found, value) = ranges(index)
            guard found.count == name.utf8CodeUnitCount else { continue }
            let isSame = name.withUTF8Buffer { unsafe $0.elementsEqual(bytes[found]) }
            if isSame { return bytes[value] }
        }
        return nil
    }

    /// The first field of that name, in lower case, as text.
    public subscript(_ name: StaticString) -> String? { value(name).map { String(decoding: $0, as: UTF8.self) } }

    /// The status of a response; nil where there is none.
    public var status: Int? {
        guard let text = value(":status"), text.count == 3 else { return nil }
        return Int(String(decoding: text, as: UTF8.self))
    }
}

/// A whole message: a request as a server gets it, or a response as a client does.
public struct HTTP2Message: Sendable {
    /// The stream it came on.
    public let stream: Int32
    /// Its head.
    public let fields: HTTP2Fields
    /// Its body.
    public let body: [UInt8]
}
