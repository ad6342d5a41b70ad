extension RecordData {
    /// The next hashed name that exists, and what exists here (RFC 5155 3).
    public struct NSEC3: RecordDataFields {
        /// How names are hashed.
        public var hashAlgorithm: UInt8
        /// Opt-out.
        public var flags: UInt8
        /// Additional rounds of hashing.
        public var iterations: UInt16
        /// What is hashed along; at most 255 bytes.
        public var salt: [UInt8]
        /// The next hash in order.
        public var nextHash: [UInt8]
        /// The types that exist here.
        public var types: TypeBitmap

        /// Puts the fields together.
        public init(
            hashAlgorithm: UInt8, flags: UInt8, iterations: UInt16, salt: [UInt8], nextHash: [UInt8],
            types: TypeBitmap
        ) {
            self.hashAlgorithm = hashAlgorithm
            self.flags = flags
            self.iterations = iterations
            self.salt = salt
            self.nextHash = nextHash
            self.types = types
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            hashAlgorithm = try reader.uint8()
            flags = try reader.uint8()
            iterations = try reader.uint16()
            salt = try reader.characterString()
            nextHash = try reader.characterString()
            guard !nextHash.isEmpty else { throw .badRData }
            types = try TypeBitmap(&reader)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            hashAlgorithm = try text.number()
            flags = try text.number()
            iterations = try text.number()
            salt = try text.salt()
            nextHash = try text.base32()
            types = try text.types()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(hashAlgorithm)
            try builder.write(flags)
            try builder.write(iterations)
            try builder.writeCharacterString(salt)
            try builder.writeCharacterString(nextHash)
            try types.write(to: &builder)
        }

        /// The fields as text.
        public var description: String {
            "\(hashAlgorithm) \(flags) \(iterations) "
                + "\(salt.isEmpty ? "-" : PresentationText.hex(salt)) \(PresentationText.base32(nextHash)) \(types)"
        }
    }
}
