extension RecordData {
    /// A zone's key (RFC 4034 2).
    public struct DNSKEY: RecordDataFields {
        /// Zone key, secure entry point, revoked.
        public var flags: UInt16
        /// Always 3.
        public var protocolNumber: UInt8
        /// The key's algorithm.
        public var algorithm: UInt8
        /// The public key.
        public var key: [UInt8]

        /// Puts the fields together.
        public init(flags: UInt16, protocolNumber: UInt8, algorithm: UInt8, key: [UInt8]) {
            self.flags = flags
            self.protocolNumber = protocolNumber
            self.algorithm = algorithm
            self.key = key
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            flags = try reader.uint16()
            protocolNumber = try reader.uint8()
            algorithm = try reader.uint8()
            key = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            flags = try text.number()
            protocolNumber = try text.number()
            algorithm = try text.algorithm()
            key = try text.base64Rest()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(flags)
            try builder.write(protocolNumber)
            try builder.write(algorithm)
            try builder.write(key)
        }

        /// The fields as text.
        public var description: String { "\(flags) \(protocolNumber) \(algorithm) \(PresentationText.base64(key))" }
    }
}
