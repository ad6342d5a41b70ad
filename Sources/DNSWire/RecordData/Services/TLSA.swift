extension RecordData {
    /// A TLS certificate's association (RFC 6698 2).
    public struct TLSA: RecordDataFields {
        /// Which certificate of the chain is meant.
        public var usage: UInt8
        /// Whole certificate or key only.
        public var selector: UInt8
        /// Exact or by digest.
        public var matchingType: UInt8
        /// The certificate's data.
        public var association: [UInt8]

        /// Puts the fields together.
        public init(usage: UInt8, selector: UInt8, matchingType: UInt8, association: [UInt8]) {
            self.usage = usage
            self.selector = selector
            self.matchingType = matchingType
            self.association = association
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            usage = try reader.uint8()
            selector = try reader.uint8()
            matchingType = try reader.uint8()
            association = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            usage = try text.number()
            selector = try text.number()
            matchingType = try text.number()
            association = try text.hexRest()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(usage)
            try builder.write(selector)
            try builder.write(matchingType)
            try builder.write(association)
        }

        /// The fields as text.
        public var description: String { "\(usage) \(selector) \(matchingType) \(PresentationText.hex(association))" }
    }
}
