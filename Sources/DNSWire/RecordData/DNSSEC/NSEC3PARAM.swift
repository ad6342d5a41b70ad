extension RecordData {
    /// How a zone's names are hashed (RFC 5155 4).
    public struct NSEC3PARAM: RecordDataFields {
        /// How names are hashed.
        public var hashAlgorithm: UInt8
        /// Must be 0 to be used.
        public var flags: UInt8
        /// Additional rounds of hashing.
        public var iterations: UInt16
        /// What is hashed along; at most 255 bytes.
        public var salt: [UInt8]

        /// Puts the fields together.
        public init(hashAlgorithm: UInt8, flags: UInt8, iterations: UInt16, salt: [UInt8]) {
            self.hashAlgorithm = hashAlgorithm
            self.flags = flags
            self.iterations = iterations
            self.salt = salt
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            hashAlgorithm = try reader.uint8()
            flags = try reader.uint8()
            iterations = try reader.uint16()
            salt = try reader.characterString()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            hashAlgorithm = try text.number()
            flags = try text.number()
            iterations = try text.number()
            salt = try text.salt()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(hashAlgorithm)
            try builder.write(flags)
            try builder.write(iterations)
            try builder.writeCharacterString(salt)
        }

        /// The fields as text.
        public var description: String {
            "\(hashAlgorithm) \(flags) "
                + "\(iterations) \(salt.isEmpty ? "-" : PresentationText.hex(salt))"
        }
    }
}
