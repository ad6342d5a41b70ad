extension RecordData {
    /// An IPv4 address (RFC 1035 3.4.1).
    public struct A: RecordDataFields {
        /// The address, first byte highest: 192.0.2.1 is 0xC0000201.
        public var address: UInt32

        /// Puts the field in.
        public init(address: UInt32) {
            self.address = address
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            address = try reader.uint32()
        }

        /// Reads dotted decimal.
        init(_ text: inout PresentationReader) throws(WireError) {
            guard let address = AddressText.ipv4(Substring(try text.word())) else { throw .badText }
            self.address = address
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(address)
        }

        /// The address in dotted decimal.
        public var description: String { AddressText.ipv4(address) }
    }
}
