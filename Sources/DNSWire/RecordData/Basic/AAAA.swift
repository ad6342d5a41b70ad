extension RecordData {
    /// An IPv6 address (RFC 3596 2.2).
    public struct AAAA: RecordDataFields {
        /// The first eight bytes.
        public var high: UInt64
        /// The last eight bytes.
        public var low: UInt64

        /// Puts the halves together.
        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            high = try reader.uint64()
            low = try reader.uint64()
        }

        /// Reads any text form of RFC 4291.
        init(_ text: inout PresentationReader) throws(WireError) {
            guard let address = AddressText.ipv6(Substring(try text.word())) else { throw .badText }
            self.init(high: address.high, low: address.low)
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            for half in [high, low] {
                try builder.write(UInt32(truncatingIfNeeded: half >> 32))
                try builder.write(UInt32(truncatingIfNeeded: half))
            }
        }

        /// The address as RFC 5952 wants it.
        public var description: String { AddressText.ipv6(high: high, low: low) }
    }
}
