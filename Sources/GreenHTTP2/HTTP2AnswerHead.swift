internal import CNghttp2

/// The head of a server's small answer: a status, and fields that are known beforehand or are numbers.
@safe public struct HTTP2AnswerHead: Sendable {
    /// Three digits.
    var status: StaticString
    /// The type of the body, where there is one.
    var contentType: StaticString?
    /// How long the body is, or would be.
    var contentLength: Int
    /// For how many seconds the answer holds; nil where nothing is said of it.
    var maxAge: UInt32?
    /// The methods that are understood; nil where nothing is said of them.
    var allow: StaticString?

    /// A head; `status` has three digits.
    public init(
        _ status: StaticString, _ contentType: StaticString? = nil, contentLength: Int = 0, maxAge: UInt32? = nil,
        allow: StaticString? = nil
    ) {
        (self.status, self.contentType, self.contentLength) = (status, contentType, contentLength)
        (self.maxAge, self.allow) = (maxAge, allow)
    }

    /// Calls `body` with the fields as nghttp2 has them.
    func withFields(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Int32) -> Int32 {
        unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 5) { fields in
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { text in
                var count = 0
                func add(_ name: StaticString, _ value: UnsafePointer<UInt8>, _ length: Int, isStatic: Bool) {
                    let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | (isStatic ? NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue : 0)
                    // SAFETY: there is room for five fields, and nghttp2 writes to none of what they point to.
                    unsafe fields.initializeElement(
                        at: count,
                        to: nghttp2_nv(
                            name: UnsafeMutablePointer(mutating: name.utf8Start), value: UnsafeMutablePointer(mutating: value),
                            namelen: name.utf8CodeUnitCount, valuelen: length, flags: UInt8(flags)))
                    count += 1
                }
                unsafe add(":status", status.utf8Start, 3, isStatic: true)
                if let type = contentType {
                    unsafe add("content-type", type.utf8Start, type.utf8CodeUnitCount, isStatic: true)
                }
                if let allow { unsafe add("allow", allow.utf8Start, allow.utf8CodeUnitCount, isStatic: true) }
                let start = text.baseAddress!
                let length = unsafe Self.write(UInt64(contentLength), to: start)
                unsafe add("content-length", start, length, isStatic: false)
                if let maxAge {
                    let age = unsafe start + 24
                    let prefix: StaticString = "max-age="
                    unsafe age.update(from: prefix.utf8Start, count: 8)
                    let digits = unsafe Self.write(UInt64(maxAge), to: age + 8)
                    unsafe add("cache-control", age, 8 + digits, isStatic: false)
                }
                return unsafe body(fields.baseAddress, count)
            }
        }
    }

    /// Writes a number's digits, 20 at most: how many.
    private static func write(_ number: UInt64, to place: UnsafeMutablePointer<UInt8>) -> Int {
        var (rest, count) = (number, 0)
        repeat {
            unsafe place[count] = 48 + UInt8(rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        for index in 0..<count / 2 {
            unsafe (place[index], place[count - 1 - index]) = unsafe (place[count - 1 - index], place[index])
        }
        return count
    }
}
