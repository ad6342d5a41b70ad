package import DNSWire

/// What all instances are to forget. What only one of them understands, such as its numbers of upstreams, is not among it.
package enum FleetFilter: Hashable, Sendable {
    /// All there is.
    case everything
    /// One type of a name.
    case question(Name, RecordType)
    /// All types of a name.
    case name(Name)
    /// A name and all names below it.
    case subtree(Name)

    /// Whether a key is meant.
    func includes(_ parts: RedisKey.Parts) -> Bool {
        switch self {
        case .everything: true
        case .question(let name, let type): parts.name == name && parts.type == type
        case .name(let name): parts.name == name
        case .subtree(let top): parts.name.isSubdomain(of: top)
        }
    }

    /// The filter in a message: `all`, `question A example.com.`, `name example.com.` or `subtree example.com.`.
    var text: String {
        switch self {
        case .everything: "all"
        case .question(let name, let type): "question \(type) \(name.lowercased)"
        case .name(let name): "name \(name.lowercased)"
        case .subtree(let top): "subtree \(top.lowercased)"
        }
    }

    /// Reads a filter; nil for anything else.
    init?(_ text: Substring) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        switch (words.first, words.count == 2 ? words[1] : nil) {
        case ("all", nil):
            self = .everything
        case ("name", let name?):
            guard let name = Name(name) else { return nil }
            self = .name(name)
        case ("subtree", let top?):
            guard let top = Name(top) else { return nil }
            self = .subtree(top)
        case ("question", let rest?):
            let parts = rest.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2, let type = RecordType(parts[0]), let name = Name(parts[1]) else { return nil }
            self = .question(name, type)
        default:
            return nil
        }
    }
}

/// A flush as it is published.
struct FlushMessage: Hashable, Sendable {
    /// The channel.
    static let channel = RedisKey.prefix + "flush"

    /// Tells one flush from another; under it the instances say what they removed.
    var number: String
    /// The epoch that begins with it.
    var epoch: Int64
    /// What is to be forgotten.
    var filter: FleetFilter

    /// The list in which instances say what they removed.
    static func acknowledgements(_ number: String) -> String { RedisKey.prefix + "flushed:" + number }

    /// The message, as it is published.
    var text: String { "\(number) \(epoch) \(filter.text)" }

    /// A flush.
    init(number: String, epoch: Int64, filter: FleetFilter) {
        self.number = number
        self.epoch = epoch
        self.filter = filter
    }

    /// Reads a message; nil for what is none.
    init?(_ bytes: [UInt8]) {
        guard bytes.count < 2_000, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, (1...32).contains(words[0].utf8.count), words[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let epoch = Int64(words[1]), let filter = FleetFilter(words[2])
        else { return nil }
        self.init(number: String(words[0]), epoch: epoch, filter: filter)
    }
}
