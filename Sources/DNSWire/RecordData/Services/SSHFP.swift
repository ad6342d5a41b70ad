extension RecordData {
    /// A fingerprint of an SSH key (RFC 4255 3).
    public struct SSHFP: RecordDataFields {
        /// The key's algorithm.
        public var algorithm: UInt8
        /// The fingerprint's algorithm.
        public var fingerprintType: UInt8
        /// The fingerprint.
        public var fingerprint: [UInt8]

        /// Puts the fields together.
        public init(algorithm: UInt8, fingerprintType: UInt8, fingerprint: [UInt8]) {
            self.algorithm = algorithm
            self.fingerprintType = fingerprintType
            self.fingerprint = fingerprint
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            algorithm = try reader.uint8()
            fingerprintType = try reader.uint8()
            fingerprint = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            algorithm = try text.number()
            fingerprintType = try text.number()
            fingerprint = try text.hexRest()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(algorithm)
            try builder.write(fingerprintType)
            try builder.write(fingerprint)
        }

        /// The fields as text.
        public var description: String { "\(algorithm) \(fingerprintType) \(PresentationText.hex(fingerprint))" }
    }
}
