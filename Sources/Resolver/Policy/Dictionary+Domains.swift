internal import DNSWire

/// Values of domains, by their wire form, lower-cased.
extension Dictionary where Key == [UInt8] {
    /// The value of the longest domain that `name`, lower-cased in wire form, is in. Off the path of a hit.
    func longestMatch(for name: Span<UInt8>) -> Value? {
        guard !isEmpty else { return nil }
        var start = 0
        while start < name.count {
            if let found = self[[UInt8](copying: name.extracting(start...))] { return found }
            start += 1 + Int(name[start])
        }
        return nil
    }
}
