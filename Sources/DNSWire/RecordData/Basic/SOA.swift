extension RecordData {
    /// The start of a zone of authority (RFC 1035 3.3.13).
    public struct SOA: RecordDataFields {
        /// The primary server.
        public var primary: Name
        /// Who is responsible, as a name.
        public var mailbox: Name
        /// The zone's version.
        public var serial: UInt32
        /// Seconds between a secondary's checks.
        public var refresh: UInt32
        /// Seconds before a failed check is made again.
        public var retry: UInt32
        /// Seconds after which an unchecked copy is void.
        public var expire: UInt32
        /// Caps the TTL of negative answers (RFC 2308 4).
        public var minimum: UInt32

        /// Puts the fields together.
        public init(
            primary: Name, mailbox: Name, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32,
            minimum: UInt32
        ) {
            self.primary = primary
            self.mailbox = mailbox
            self.serial = serial
            self.refresh = refresh
            self.retry = retry
            self.expire = expire
            self.minimum = minimum
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            primary = try reader.name(allowingPointers: true)
            mailbox = try reader.name(allowingPointers: true)
            serial = try reader.uint32()
            refresh = try reader.uint32()
            retry = try reader.uint32()
            expire = try reader.uint32()
            minimum = try reader.uint32()
        }

        /// Reads the fields from text.
        init(_ text: inout PresentationReader) throws(WireError) {
            primary = try text.name()
            mailbox = try text.name()
            serial = try text.number()
            refresh = try text.number()
            retry = try text.number()
            expire = try text.number()
            minimum = try text.number()
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.writeName(primary.view)
            try builder.writeName(mailbox.view)
            try builder.write(serial)
            try builder.write(refresh)
            try builder.write(retry)
            try builder.write(expire)
            try builder.write(minimum)
        }

        /// The fields as text.
        public var description: String { "\(primary) \(mailbox) \(serial) \(refresh) \(retry) \(expire) \(minimum)" }
    }
}
