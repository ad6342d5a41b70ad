extension RecordData {
    /// Text strings (RFC 1035 3.3.14): one or more, each at most 255 bytes.
    public struct TXT: RecordDataFields {
        /// The strings.
        public var strings: [[UInt8]]

        /// Puts the strings in.
        public init(strings: [[UInt8]]) {
            self.strings = strings
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            strings = []
            repeat { strings.append(try reader.characterString()) } while !reader.isAtEnd
        }

        /// Reads strings up to the line's end.
        init(_ text: inout PresentationReader) throws(WireError) {
            strings = []
            repeat { strings.append(try text.characterString()) } while !text.isAtEnd
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            guard !strings.isEmpty else { throw .badRData }
            for string in strings { try builder.writeCharacterString(string) }
        }

        /// The strings, each in quotes.
        public var description: String { strings.map(PresentationText.quoted).joined(separator: " ") }
    }
}
