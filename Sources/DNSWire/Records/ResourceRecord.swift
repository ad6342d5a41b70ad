/// A record of its own, typed.
public struct ResourceRecord: Hashable, Sendable {
    /// The name the record belongs to.
    public var owner: Name
    /// Its class.
    public var `class`: RecordClass
    /// Its time to live in seconds, unsigned (RFC 8767 4).
    public var ttl: UInt32
    /// Its data.
    public var data: RecordData

    /// Its type.
    public var type: RecordType { data.type }

    /// Puts a record together.
    public init(_ owner: Name, ttl: UInt32, class: RecordClass = .internet, _ data: RecordData) {
        self.owner = owner
        self.class = `class`
        self.ttl = ttl
        self.data = data
    }

    /// Copies a record out of a message.
    public init(_ record: borrowing RecordView) throws(WireError) {
        self.init(Name(record.owner), ttl: record.ttl, class: record.class, try RecordData(record))
    }

    /// Reads one record of a zone file: owner, TTL and class in either order, type, data (RFC 1035 5.1).
    /// Without a TTL it gets the default one; without a class, IN.
    public init(text: String, origin: Name = .root, defaultTTL: UInt32 = 0) throws(WireError) {
        var reader = try PresentationReader(text, origin: origin)
        guard !reader.startsWithSpace else { throw .badText }
        owner = try reader.name()
        ttl = defaultTTL
        `class` = .internet
        var hasTTL = false
        var hasClass = false
        while true {
            let word = try reader.word()
            if !hasTTL, word.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true, let seconds = UInt32(word) {
                ttl = seconds
                hasTTL = true
            } else if !hasClass, let known = RecordClass(word), word.uppercased() != "ANY" {
                `class` = known
                hasClass = true
            } else if let type = RecordType(word) {
                data = try RecordData(type, `class`, &reader)
                return
            } else {
                throw .badText
            }
        }
    }
}

extension ResourceRecord: CustomStringConvertible {
    /// The record as dig prints it: owner, TTL, class, type and data with tabs between them.
    public var description: String { "\(owner)\t\(ttl)\t\(`class`)\t\(type)\t\(data)" }
}
