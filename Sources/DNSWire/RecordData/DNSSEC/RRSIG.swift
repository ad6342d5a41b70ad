extension RecordData {
    /// An RRset's signature (RFC 4034 3).
    public struct RRSIG: RecordDataFields {
        /// The RRset's type.
        public var typeCovered: RecordType
        /// The signature's algorithm.
        public var algorithm: UInt8
        /// Labels of the owner, a wildcard's left out.
        public var labelCount: UInt8
        /// The RRset's TTL in its zone.
        public var originalTTL: UInt32
        /// When it ends to be valid.
        public var expiration: SignatureTime
        /// When it starts to be valid.
        public var inception: SignatureTime
        /// The key's tag.
        public var keyTag: UInt16
        /// The zone that signed.
        public var signer: Name
        /// The signature.
        public var signature: [UInt8]

        /// Puts the fields together.
        public init(
            typeCovered: RecordType, algorithm: UInt8, labelCount: UInt8, originalTTL: UInt32,
            expiration: SignatureTime, inception: SignatureTime, keyTag: UInt16, signer: Name, signature: [UInt8]
        ) {
            self.typeCovered = typeCovered
            self.algorithm = algorithm
            self.labelCount = labelCount
            self.originalTTL = originalTTL
            self.expiration = expiration
            self.inception = inception
            self.keyTag = keyTag
            self.signer = signer
            self.signature = signature
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            typeCovered = RecordType(rawValue: try reader.uint16())
            algorithm = try reader.uint8()
            labelCount = try reader.uint8()
            originalTTL = try reader.uint32()
            expiration = SignatureTime(rawValue: try reader.uint32())
            inception = SignatureTime(rawValue: try reader.uint32())
            keyTag = try reader.uint16()
            signer = try reader.name(allowingPointers: false)
            signature = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            typeCovered = try text.type()
            algorithm = try text.algorithm()
            labelCount = try text.number()
            originalTTL = try text.number()
            expiration = try text.time()
            inception = try text.time()
            keyTag = try text.number()
            signer = try text.name()
            signature = try text.base64Rest()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(typeCovered.rawValue)
            try builder.write(algorithm)
            try builder.write(labelCount)
            try builder.write(originalTTL)
            try builder.write(expiration.rawValue)
            try builder.write(inception.rawValue)
            try builder.write(keyTag)
            try builder.writeName(signer.view, compress: false)
            try builder.write(signature)
        }

        /// The fields as text.
        public var description: String {
            "\(typeCovered) \(algorithm) \(labelCount) \(originalTTL) "
                + "\(expiration) \(inception) \(keyTag) \(signer) \(PresentationText.base64(signature))"
        }
    }
}
