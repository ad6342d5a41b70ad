/// International labels in ASCII (RFC 3492, RFC 5891 4.4).
package enum Punycode {
    /// The labels of a name in UTF-8, lower case, in ASCII; nil where it is no UTF-8 or has what no label has.
    package static func labels(_ text: Span<UInt8>) -> [[UInt8]]? {
        let string = TextLine.text(text)
        guard string.utf8.count == text.count, !string.unicodeScalars.contains("\u{FFFD}") else { return nil }
        var labels: [[Unicode.Scalar]] = [[]]
        for scalar in string.unicodeScalars {
            switch scalar.value {
            case 0x2E, 0x3002, 0xFF0E, 0xFF61: labels.append([])
            case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x5F:
                labels[labels.count - 1] += scalar.properties.lowercaseMapping.unicodeScalars
            case 0..<0x80: return nil
            default:
                let properties = scalar.properties
                guard !properties.isWhitespace, !properties.isDefaultIgnorableCodePoint else { return nil }
                labels[labels.count - 1] += properties.lowercaseMapping.unicodeScalars
            }
            // No label is longer in ASCII than this, and the work for one grows with its square.
            guard labels[labels.count - 1].count <= 63 else { return nil }
        }
        if labels.last?.isEmpty == true { labels.removeLast() }
        var encoded: [[UInt8]] = []
        for label in labels {
            guard let ascii = encode(label) else { return nil }
            encoded.append(ascii)
        }
        return encoded
    }

    /// A label in ASCII; nil where it is too long.
    private static func encode(_ label: [Unicode.Scalar]) -> [UInt8]? {
        var output = label.filter(\.isASCII).map { UInt8(truncatingIfNeeded: $0.value) }
        guard output.count < label.count else { return output }
        let basic = output.count
        if basic > 0 { output.append(0x2D) }
        var (next, delta, bias, handled) = (UInt32(0x80), 0, 72, basic)
        while handled < label.count {
            guard let smallest = label.lazy.map(\.value).filter({ $0 >= next }).min() else { return nil }
            // At most 0x10FFFF times 64: far from what an Int holds.
            delta += Int(smallest - next) * (handled + 1)
            next = smallest
            for scalar in label {
                if scalar.value < next { delta += 1 }
                guard scalar.value == next else { continue }
                append(delta, bias: bias, to: &output)
                bias = adapt(delta, count: handled + 1, isFirst: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        guard output.count <= 59 else { return nil }
        return Array("xn--".utf8) + output
    }

    /// Appends a number in digits of varying weight.
    private static func append(_ delta: Int, bias: Int, to output: inout [UInt8]) {
        var rest = delta
        var weight = 36
        while true {
            let threshold = min(max(weight - bias, 1), 26)
            guard rest >= threshold else { break }
            output.append(digit(threshold + (rest - threshold) % (36 - threshold)))
            rest = (rest - threshold) / (36 - threshold)
            weight += 36
        }
        output.append(digit(rest))
    }

    /// A digit: a to z, then 0 to 9.
    private static func digit(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value < 26 ? 0x61 + value : 0x30 + value - 26) }

    /// The next bias.
    private static func adapt(_ delta: Int, count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var bias = 0
        while delta > 455 {
            delta /= 35
            bias += 36
        }
        return bias + 36 * delta / (delta + 38)
    }
}
