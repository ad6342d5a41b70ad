extension RecordData {
    /// The name a whole subtree stands for (RFC 6672); never compressed when sent.
    public struct DNAME: RecordDataFields {
        /// The subtree's new name.
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
            try builder.writeName(target.view, compress: false)
        }

        /// The fields as text.
        public var description: String { target.description }
    }
}
