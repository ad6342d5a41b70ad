/// A domain name of its own: a value that keeps its letters' case and compares without it (RFC 4343).
public struct Name: Sendable {
    /// The wire form: labels with their length bytes, the root label last; no pointers.
    public let wire: [UInt8]
    /// The number of labels, the root not counted.
    public let labelCount: Int

    /// The root.
    public static let root = Name(checked: [0], labelCount: 0)

    /// Takes a wire form that is known to be good.
    init(checked wire: [UInt8], labelCount: Int) {
        self.wire = wire
        self.labelCount = labelCount
    }

    /// Copies a name out of a message, uncompressed, letters as they stand there.
    public init(_ view: borrowing NameView) {
        var wire = [UInt8](repeating: 0, count: view.wireLength)
        var target = wire.mutableSpan
        view.copy(into: &target)
        self.init(checked: wire, labelCount: view.labelCount)
    }

    /// Copies a fixed name; it is lower case.
    public init(_ name: borrowing FixedName) {
        self.init(name.view)
    }

    /// Takes a name's wire form, which must fill the array and hold no pointers.
    public init(wire: [UInt8]) throws(WireError) {
        let view = try NameView(wire.span, at: 0, allowingPointers: false)
        guard view.endOffset == wire.count else { throw .badName }
        self.init(checked: wire, labelCount: view.labelCount)
    }

    /// Puts a name together from labels, left to right.
    public init(labels: [[UInt8]]) throws(WireError) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...63).contains(label.count) else { throw .badName }
            wire.append(UInt8(truncatingIfNeeded: label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= NameView.maximumLength else { throw .badName }
        self.init(checked: wire, labelCount: labels.count)
    }

    /// The name as a view, to compare and to write it.
    public var view: NameView {
        @_lifetime(borrow self) get { NameView(checked: wire.span, labelCount: labelCount) }
    }

    /// Whether this is the root.
    public var isRoot: Bool { labelCount == 0 }

    /// The labels from left to right, the root left out.
    public var labels: [ArraySlice<UInt8>] {
        var labels: [ArraySlice<UInt8>] = []
        var position = 0
        while wire[position] != 0 {
            let end = position + 1 + Int(wire[position])
            labels.append(wire[position + 1..<end])
            position = end
        }
        return labels
    }

    /// The name without its first label; nil for the root.
    public var parent: Name? {
        guard !isRoot else { return nil }
        return Name(checked: Array(wire[(1 + Int(wire[0]))...]), labelCount: labelCount - 1)
    }

    /// The same name in lower case.
    public var lowercased: Name { Name(checked: wire.map { DNSWire.lowercased($0) }, labelCount: labelCount) }

    /// Whether this is the other name or below it.
    public func isSubdomain(of other: Name) -> Bool { view.isSubdomain(of: other.view) }

    /// This name with another one after it.
    public func appending(_ suffix: Name) throws(WireError) -> Name {
        guard wire.count - 1 + suffix.wire.count <= NameView.maximumLength else { throw .badName }
        return Name(checked: wire.dropLast() + suffix.wire, labelCount: labelCount + suffix.labelCount)
    }
}

extension Name: Hashable {
    /// Equal without regard to the case of letters.
    public static func == (left: Name, right: Name) -> Bool { left.view.isEqual(to: right.view) }

    /// Feeds the lower-cased wire form.
    public func hash(into hasher: inout Hasher) {
        for byte in wire { hasher.combine(DNSWire.lowercased(byte)) }
    }
}
