internal import DNSWire

/// A name as lists write it, read into its wire form: any case, a dot at either end, international labels.
struct NameText {
    /// The wire form of the name that was read last, in lower case.
    private(set) var wire = [UInt8](repeating: 0, count: 256)
    /// Its length.
    private(set) var count = 1
    /// Its number of labels.
    private(set) var labelCount = 0

    /// What each byte becomes: itself, a lower-case letter, or one of the marks below.
    private let folded = NameText.foldTable

    /// The longest text that may be a name.
    static var maximumText: Int { 1024 }

    /// No byte of a name.
    private static var bad: UInt8 { 0 }
    /// A dot.
    private static var dot: UInt8 { 1 }
    /// The start of what is not ASCII.
    private static var wide: UInt8 { 2 }

    /// What each byte becomes, made once.
    private static let foldTable: [UInt8] = (0...255).map { byte in
        switch UInt8(byte) {
        case 0x41...0x5A: UInt8(byte) | 0x20
        case 0x61...0x7A, 0x30...0x39, 0x2D, 0x5F: UInt8(byte)
        case 0x2E: dot
        case 0x80...0xFF: wide
        default: bad
        }
    }

    /// Reads a name; why not, where it is none. A single dot is the root.
    @inline(__always) mutating func read(_ text: Span<UInt8>) -> SkipReason? {
        var start = 0
        var end = text.count
        if end > 1, text[end &- 1] == 0x2E { end &-= 1 }
        if end > 1, text[0] == 0x2E { start = 1 }
        if end &- start == 1, text[start] == 0x2E {
            becomeRoot()
            return nil
        }
        guard end > start else { return .badName }
        // Longer ones may still be names: in UTF-8.
        guard end &- start <= Self.maximumText else { return .badName }
        let table = folded
        let folded = table.span
        var target = wire.mutableSpan
        var length = 0
        var position = 1
        var labels = 0
        for index in start..<end {
            let byte = folded[Int(text[index])]
            if byte > Self.wide {
                guard position < 254 else { return .badName }
                target[position] = byte
                position &+= 1
            } else if byte == Self.dot {
                let size = position &- length &- 1
                guard size > 0, size < 64, position < 254 else { return .badName }
                target[length] = UInt8(truncatingIfNeeded: size)
                length = position
                position &+= 1
                labels &+= 1
            } else {
                return byte == Self.wide ? readInternational(text.extracting(start..<end)) : .badName
            }
        }
        return close(length: length, position: position, labels: labels)
    }

    /// Reads a name as zone files write it: of any bytes, escaped where they mean something else (RFC 1035 5.1, RFC 2181 11).
    mutating func readEscaped(_ text: Span<UInt8>) -> SkipReason? {
        let reason = read(text)
        guard reason == .badName, 2...Self.maximumText ~= text.count, text.indices.allSatisfy({ text[$0] < 0x80 }) else {
            return reason
        }
        let start = text[0] == 0x2E ? 1 : 0
        guard let name = Name(TextLine.text(text.extracting(start..<text.count)))?.lowercased,
            take(name.wire.span, labelCount: name.labelCount)
        else { return reason }
        return nil
    }

    /// Puts the last label's length and the root in.
    @inline(__always) private mutating func close(length: Int, position: Int, labels: Int) -> SkipReason? {
        let size = position &- length &- 1
        guard size > 0, size < 64, position < 255 else { return .badName }
        var target = wire.mutableSpan
        target[length] = UInt8(truncatingIfNeeded: size)
        target[position] = 0
        count = position &+ 1
        labelCount = labels &+ 1
        // No top-level domain begins with a digit: this is an address.
        return wire[length &+ 1] &- 0x30 < 10 && isNumber(length &+ 1..<position) ? .address : nil
    }

    /// Whether bytes are digits all.
    private func isNumber(_ range: Range<Int>) -> Bool { range.allSatisfy { wire[$0] &- 0x30 < 10 } }

    /// Turns this into the root.
    mutating func becomeRoot() {
        wire[0] = 0
        count = 1
        labelCount = 0
    }

    /// Takes a name in wire form, lower case; false where it is too long to be one.
    mutating func take(_ name: Span<UInt8>, labelCount: Int) -> Bool {
        guard name.count <= 255 else { return false }
        for index in name.indices { wire[index] = name[index] }
        count = name.count
        self.labelCount = labelCount
        return true
    }

    /// Takes a name's labels off its end, if it has them there; false if not.
    mutating func removeSuffix(_ suffix: [UInt8], labelCount suffixLabels: Int) -> Bool {
        guard suffix.count <= count, suffixLabels <= labelCount else { return false }
        guard wire[count - suffix.count..<count].elementsEqual(suffix) else { return false }
        // Its bytes may be the end of a label, too.
        var position = 0
        while position < count - suffix.count { position += Int(wire[position]) + 1 }
        guard position == count - suffix.count else { return false }
        wire[position] = 0
        count = position + 1
        labelCount -= suffixLabels
        return true
    }

    /// Reads a name with labels in UTF-8: in lower case, each as Punycode (RFC 3492). What RFC 5892 does not allow is not
    /// told from what it does: nobody could have registered it.
    private mutating func readInternational(_ text: Span<UInt8>) -> SkipReason? {
        guard let labels = Punycode.labels(text) else { return .badName }
        var position = 0
        for label in labels {
            guard (1...63).contains(label.count), position + label.count + 2 <= 255 else { return .badName }
            wire[position] = UInt8(truncatingIfNeeded: label.count)
            for (index, byte) in label.enumerated() { wire[position + 1 + index] = byte }
            position += label.count + 1
        }
        guard position > 0 else { return .badName }
        wire[position] = 0
        count = position + 1
        labelCount = labels.count
        return nil
    }
}
