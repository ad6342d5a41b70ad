extension RecordData {
    /// A pointer to a name (RFC 1035 3.3.12).
    public struct PTR: RecordDataFields {
        /// The name pointed to.
        public var target: Name

        /// Puts the fields together.
        public init(target: Name) {
            self.target = target
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            target = try reader.name(allowingPointers: true)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            target = try text.name()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.writeName(target.view)
        }

        /// The fields as text.
        public var description: String { target.description }
    }
}
