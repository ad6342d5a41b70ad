/// Reading and writing data of any type.
extension RecordData {
    /// Types whose rdata is only known in class IN: their form elsewhere is another one, or nobody's.
    private static func isInternetOnly(_ type: RecordType) -> Bool {
        type == .a || type == .aaaa || type == .srv || type == .naptr || type == .svcb || type == .https
    }

    /// Reads the data of a record in a message. Empty data (updates have it) is kept as unknown.
    public init(_ record: borrowing RecordView) throws(WireError) {
        if record.rdataLength > 0, record.class == .internet || !Self.isInternetOnly(record.type) {
            var reader = RDataReader(record)
            if let data = try Self.typed(record.type, &reader) {
                guard reader.isAtEnd else { throw .badRData }
                self = data
                return
            }
        }
        self = .unknown(Unknown(type: record.type, bytes: try record.expandedRData()))
    }

    /// Reads rdata that stands alone, without a message that names could point into.
    public init(_ type: RecordType, rdata: [UInt8]) throws(WireError) {
        var reader = RDataReader(rdata: rdata.span)
        guard !rdata.isEmpty, let data = try Self.typed(type, &reader) else {
            self = .unknown(Unknown(type: type, bytes: rdata))
            return
        }
        guard reader.isAtEnd else { throw .badRData }
        self = data
    }

    /// Reads data from its text, in the type's own form or as `\# length hex` (RFC 3597 5).
    public init(_ type: RecordType, text: String, origin: Name = .root) throws(WireError) {
        var reader = try PresentationReader(text, origin: origin)
        try self.init(type, .internet, &reader)
    }

    /// Reads data of a class from the rest of a line.
    init(_ type: RecordType, _ class: RecordClass, _ text: inout PresentationReader) throws(WireError) {
        if text.nextField?.bytes == [0x5C, 0x23], text.nextField?.isQuoted == false {
            let bytes = try Unknown(&text).bytes
            if `class` == .internet || !Self.isInternetOnly(type) {
                try self.init(type, rdata: bytes)
            } else {
                self = .unknown(Unknown(type: type, bytes: bytes))
            }
        } else {
            guard let data = try Self.typed(type, &text) else { throw .badText }
            self = data
        }
        guard text.isAtEnd else { throw .badText }
    }
}

extension RecordData: CustomStringConvertible {
    /// The data as text.
    public var description: String { fields.description }
}

extension RecordView {
    /// The rdata with the names that may come compressed written out in full.
    package func expandedRData() throws(WireError) -> [UInt8] {
        guard let layout = RDataLayout(type), rdataLength > 0 else { return [UInt8](copying: rdata) }
        var position = try layout.namesOffset(in: self)
        var bytes = [UInt8](copying: message.extracting(rdataOffset..<position))
        for _ in 0..<layout.names {
            let name = try NameView(message, at: position, limit: endOffset)
            bytes += Name(name).wire
            position = name.endOffset
        }
        return bytes + [UInt8](copying: message.extracting(position..<endOffset))
    }
}
