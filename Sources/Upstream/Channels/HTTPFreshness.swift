internal import DNSWire
internal import GreenHTTP2

/// How old a response was when it came, as HTTP caches on the way say it (RFC 9111 5.1): so much of its TTLs is over (RFC 8484
/// 5.1).
struct HTTPFreshness {
    /// Seconds since the response was made.
    private let age: UInt32
    /// Whether it is older than its maker allows, so that nothing of it is to be kept.
    private let isStale: Bool

    /// No number of seconds is taken for longer (RFC 9111 1.2.2).
    private static let mostSeconds: UInt32 = 1 << 31 - 1

    /// What a response's head says.
    init(_ fields: HTTP2Fields) {
        let age = fields.value("age").flatMap { Self.seconds($0) } ?? 0
        let limit = age == 0 ? nil : fields.value("cache-control").flatMap { Self.maxAge($0) }
        self.age = age
        isStale = limit.map { $0 < age } ?? false
    }

    /// Whether it was made just now, as nearly all are.
    var isFresh: Bool { age == 0 }

    /// Takes from each TTL what is over; what cannot be read stays as it is, and is judged as that.
    func apply(to message: inout [UInt8]) {
        guard !isFresh else { return }
        var places: [Int] = []
        do throws(WireError) {
            var records = try MessageView(message.span).records()
            while let place = try records.nextPlace() {
                // OPT has other things there (RFC 6891 6.1.3).
                if place.type != .opt { places.append(place.ttlOffset) }
            }
        } catch {
            return
        }
        for place in places {
            let ttl = message.span.loadUInt32(at: place)
            let left = isStale || ttl <= age ? 0 : ttl - age
            var span = message.mutableSpan
            span.storeUInt32(left, at: place)
        }
    }

    /// A number of seconds; nil for what is none. As large as can be where it is larger.
    private static func seconds(_ text: ArraySlice<UInt8>) -> UInt32? {
        guard !text.isEmpty, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        var value: UInt64 = 0
        for digit in text { value = min(value * 10 + UInt64(digit - 0x30), UInt64(mostSeconds)) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// The freshness lifetime that a response is given (RFC 9111 5.2.2.1).
    private static func maxAge(_ text: ArraySlice<UInt8>) -> UInt32? {
        for part in text.split(separator: UInt8(ascii: ",")) {
            let words = part.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\"") }.map {
                $0 &- 0x41 < 26 ? $0 | 0x20 : $0
            }
            let name = Array("max-age=".utf8)
            if words.starts(with: name) { return seconds(words[name.count...]) }
        }
        return nil
    }
}
