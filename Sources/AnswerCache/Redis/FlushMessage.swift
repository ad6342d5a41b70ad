/// A flush as it is published.
struct FlushMessage: Hashable, Sendable {
    /// The channel.
    static let channel = RedisKey.prefix + "flush"

    /// Tells one flush from another; under it the instances say what they removed.
    var number: String
    /// The epoch that ends with it; who knows another one has missed a flush.
    var previous: Int64
    /// The epoch that begins with it.
    var epoch: Int64
    /// What is to be forgotten.
    var filter: FleetFilter

    /// The list in which instances say what they removed.
    static func acknowledgements(_ number: String) -> String { RedisKey.prefix + "flushed:" + number }

    /// Reads what an instance says that it removed; nil for what none says. Names go to terminals, and numbers are added up.
    static func acknowledgement(_ line: String) -> (name: String, count: Int)? {
        let words = line.split(separator: " ")
        guard words.count == 2, words[0].utf8.count <= 300, words[0].utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let count = Int(words[1]), (0...1_000_000_000).contains(count)
        else { return nil }
        return (String(words[0]), count)
    }

    /// The message, as it is published.
    var text: String { "\(number) \(previous) \(epoch) \(filter.text)" }

    /// A flush.
    init(number: String, previous: Int64, epoch: Int64, filter: FleetFilter) {
        self.number = number
        self.previous = previous
        self.epoch = epoch
        self.filter = filter
    }

    /// Reads a message; nil for what is none.
    init?(_ bytes: [UInt8]) {
        guard bytes.count < 2_000, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let words = text.split(separator: " ", maxSplits: 3)
        guard words.count == 4, (1...32).contains(words[0].utf8.count), words[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let previous = Int64(words[1]), let epoch = Int64(words[2]), let filter = FleetFilter(words[3])
        else { return nil }
        self.init(number: String(words[0]), previous: previous, epoch: epoch, filter: filter)
    }
}
