extension RecordData {
    /// The next name that exists, and what exists here (RFC 4034 4).
    public struct NSEC: RecordDataFields {
        /// The next owner in canonical order.
        public var nextName: Name
        /// The types that exist here.
        public var types: TypeBitmap

        /// Puts the fields together.
        public init(nextName: Name, types: TypeBitmap) {
            self.nextName = nextName
            self.types = types
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            nextName = try reader.name(allowingPointers: false)
            types = try TypeBitmap(&reader)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            nextName = try text.name()
            types = try text.types()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.writeName(nextName.view, compress: false)
            try types.write(to: &builder)
        }

        /// The fields as text.
        public var description: String { "\(nextName) \(types)" }
    }
}
