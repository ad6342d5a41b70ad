extension RecordData {
    /// Data of a type that is not known here: bytes (RFC 3597).
    public struct Unknown: RecordDataFields {
        /// The record's type.
        public var type: RecordType
        /// The rdata. Names of old types that came compressed are written out in full.
        public var bytes: [UInt8]

        /// Puts the fields together.
        public init(type: RecordType, bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
        }

        /// Copies all of an rdata; the type is filled in by the caller.
        init(_ reader: inout RDataReader) throws(WireError) {
            self.init(type: RecordType(rawValue: 0), bytes: try reader.rest())
        }

        /// Reads `\# length hex`; the type is filled in by the caller.
        init(_ text: inout PresentationReader) throws(WireError) {
            guard try text.word() == "\\#" else { throw .badText }
            let length = try text.number(UInt16.self)
            let bytes = try text.hexRest()
            guard bytes.count == Int(length) else { throw .badText }
            self.init(type: RecordType(rawValue: 0), bytes: bytes)
        }

        /// Writes the bytes as they are.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(bytes)
        }

        /// `\# length hex` (RFC 3597 5).
        public var description: String {
            bytes.isEmpty ? "\\# 0" : "\\# \(bytes.count) \(PresentationText.hex(bytes))"
        }
    }
}
