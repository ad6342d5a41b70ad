extension RecordData {
    /// A name server of a zone (RFC 1035 3.3.11).
    public struct NS: RecordDataFields {
        /// The server's name.
        public var nameServer: Name

        /// Puts the fields together.
        public init(nameServer: Name) {
            self.nameServer = nameServer
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            nameServer = try reader.name(allowingPointers: true)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            nameServer = try text.name()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.writeName(nameServer.view)
        }

        /// The fields as text.
        public var description: String { nameServer.description }
    }
}
