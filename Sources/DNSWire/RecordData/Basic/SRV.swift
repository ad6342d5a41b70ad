extension RecordData {
    /// The place of a service (RFC 2782); never compressed when sent.
    public struct SRV: RecordDataFields {
        /// Lower is tried first.
        public var priority: UInt16
        /// The share among equals.
        public var weight: UInt16
        /// The port.
        public var port: UInt16
        /// The host.
        public var target: Name

        /// Puts the fields together.
        public init(priority: UInt16, weight: UInt16, port: UInt16, target: Name) {
            self.priority = priority
            self.weight = weight
            self.port = port
            self.target = target
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            priority = try reader.uint16()
            weight = try reader.uint16()
            port = try reader.uint16()
            target = try reader.name(allowingPointers: true)
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            priority = try text.number()
            weight = try text.number()
            port = try text.number()
            target = try text.name()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(priority)
            try builder.write(weight)
            try builder.write(port)
            try builder.writeName(target.view, compress: false)
        }

        /// The fields as text.
        public var description: String { "\(priority) \(weight) \(port) \(target)" }
    }
}
