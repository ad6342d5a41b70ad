extension RecordData {
    /// A naming authority pointer (RFC 3403 4).
    public struct NAPTR: RecordDataFields {
        /// Lower is processed first.
        public var order: UInt16
        /// Lower is preferred among equals.
        public var preference: UInt16
        /// Flags of the application.
        public var flags: [UInt8]
        /// The services offered.
        public var services: [UInt8]
        /// A substitution expression.
        public var regexp: [UInt8]
        /// The next name to look at.
        public var replacement: Name

        /// Puts the fields together.
        public init(
            order: UInt16, preference: UInt16, flags: [UInt8], services: [UInt8], regexp: [UInt8], replacement: Name
        ) {
            self.order = order
            self.preference = preference
            self.flags = flags
            self.services = services
            self.regexp = regexp
            self.replacement = replacement
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            order = try reader.uint16()
            preference = try reader.uint16()
            flags = try reader.characterString()
            services = try reader.characterString()
            regexp = try reader.characterString()
            replacement = try reader.name(allowingPointers: true)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            order = try text.number()
            preference = try text.number()
            flags = try text.characterString()
            services = try text.characterString()
            regexp = try text.characterString()
            replacement = try text.name()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(order)
            try builder.write(preference)
            try builder.writeCharacterString(flags)
            try builder.writeCharacterString(services)
            try builder.writeCharacterString(regexp)
            try builder.writeName(replacement.view, compress: false)
        }

        /// The fields as text.
        public var description: String {
            "\(order) \(preference) \(PresentationText.quoted(flags)) "
                + "\(PresentationText.quoted(services)) \(PresentationText.quoted(regexp)) \(replacement)"
        }
    }
}
