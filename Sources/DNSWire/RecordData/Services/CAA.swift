extension RecordData {
    /// Who may issue certificates (RFC 8659 4).
    public struct CAA: RecordDataFields {
        /// Bit 128: issuers that do not know the tag must not issue.
        public var flags: UInt8
        /// The property: letters and digits, "issue" for one.
        public var tag: String
        /// The property's value.
        public var value: [UInt8]

        /// Puts the fields together.
        public init(flags: UInt8, tag: String, value: [UInt8]) {
            self.flags = flags
            self.tag = tag
            self.value = value
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            flags = try reader.uint8()
            let tag = try reader.characterString()
            guard Self.isTag(tag) else { throw .badRData }
            self.tag = String(decoding: tag, as: UTF8.self)
            value = try reader.rest()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            flags = try text.number()
            tag = try text.word()
            guard Self.isTag(Array(tag.utf8)) else { throw .badText }
            value = try text.string()
        }

        /// Whether bytes are a tag: 1 to 255 letters and digits.
        private static func isTag(_ bytes: [UInt8]) -> Bool {
            (1...255).contains(bytes.count) && bytes.allSatisfy(isTagByte)
        }

        /// Whether a byte may stand in a tag: a letter or a digit (RFC 8659 4.1).
        static func isTagByte(_ byte: UInt8) -> Bool {
            (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            guard Self.isTag(Array(tag.utf8)) else { throw .badRData }
            try builder.write(flags)
            try builder.writeCharacterString(Array(tag.utf8))
            try builder.write(value)
        }

        /// The fields as text.
        public var description: String { "\(flags) \(tag) \(PresentationText.quoted(value))" }
    }
}
