extension RecordData {
    /// A mail exchanger (RFC 1035 3.3.9).
    public struct MX: RecordDataFields {
        /// Lower is tried first.
        public var preference: UInt16
        /// The exchanger's name.
        public var exchange: Name

        /// Puts the fields together.
        public init(preference: UInt16, exchange: Name) {
            self.preference = preference
            self.exchange = exchange
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            preference = try reader.uint16()
            exchange = try reader.name(allowingPointers: true)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            preference = try text.number()
            exchange = try text.name()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(preference)
            try builder.writeName(exchange.view)
        }

        /// The fields as text.
        public var description: String { "\(preference) \(exchange)" }
    }
}
