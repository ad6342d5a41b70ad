/// The types that exist at a name, as NSEC and NSEC3 list them (RFC 4034 4.1.2).
public struct TypeBitmap: Hashable, Sendable {
    /// The types in ascending order, each once.
    public let types: [RecordType]

    /// Sorts types and drops doubles.
    public init(_ types: [RecordType]) {
        var sorted: [RecordType] = []
        for number in types.map(\.rawValue).sorted() where sorted.last?.rawValue != number {
            sorted.append(RecordType(rawValue: number))
        }
        self.types = sorted
    }

    /// Reads windows up to the end of the rdata; their numbers must ascend, their lengths be 1 to 32.
    init(_ reader: inout RDataReader) throws(WireError) {
        var types: [RecordType] = []
        var previous = -1
        while !reader.isAtEnd {
            let window = Int(try reader.uint8())
            let length = Int(try reader.uint8())
            guard window > previous, (1...32).contains(length) else { throw .badRData }
            previous = window
            for index in 0..<length {
                let byte = try reader.uint8()
                for bit in 0..<8 where byte & 0x80 >> UInt8(bit) != 0 {
                    types.append(RecordType(rawValue: UInt16(window << 8 | index << 3 | bit)))
                }
            }
        }
        self.types = types
    }

    /// Whether a type is listed.
    public func contains(_ type: RecordType) -> Bool { types.contains(type) }

    /// Writes the windows that are not empty, without trailing zeroes.
    func write(to builder: inout MessageBuilder) throws(WireError) {
        var index = 0
        while index < types.count {
            let window = types[index].rawValue >> 8
            var bits: [UInt8] = []
            while index < types.count, types[index].rawValue >> 8 == window {
                let low = Int(types[index].rawValue & 0xFF)
                while bits.count <= low >> 3 { bits.append(0) }
                bits[low >> 3] |= 0x80 >> UInt8(low & 7)
                index += 1
            }
            try builder.write(UInt8(truncatingIfNeeded: window))
            try builder.writeCharacterString(bits)
        }
    }
}

extension TypeBitmap: CustomStringConvertible {
    /// The mnemonics with spaces between them.
    public var description: String { types.map(\.description).joined(separator: " ") }
}
