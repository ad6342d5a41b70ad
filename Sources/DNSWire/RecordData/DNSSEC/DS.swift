extension RecordData {
    /// A delegation's signer (RFC 4034 5).
    public struct DS: RecordDataFields {
        /// The key's tag.
        public var keyTag: UInt16
        /// The key's algorithm.
        public var algorithm: UInt8
        /// The digest's algorithm.
        public var digestType: UInt8
        /// The key's digest.
        public var digest: [UInt8]

        /// Puts the fields together.
        public init(keyTag: UInt16, algorithm: UInt8, digestType: UInt8, digest: [UInt8]) {
            self.keyTag = keyTag
            self.algorithm = algorithm
            self.digestType = digestType
            self.digest = digest
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            keyTag = try reader.uint16()
            algorithm = try reader.uint8()
            digestType = try reader.uint8()
            digest = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            keyTag = try text.number()
            algorithm = try text.algorithm()
            digestType = try text.number()
            digest = try text.hexRest()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(keyTag)
            try builder.write(algorithm)
            try builder.write(digestType)
            try builder.write(digest)
        }

        /// The fields as text.
        public var description: String { "\(keyTag) \(algorithm) \(digestType) \(PresentationText.hex(digest))" }
    }
}
