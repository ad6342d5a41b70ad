internal import AnswerCache
internal import Resolver
internal import Upstream

/// Files of addresses and prefixes, one on a line, that forgers answer with. `#` begins a comment.
struct AddressLists {
    private var lists: [String: AddressRanges] = [:]

    /// A file may have so many bytes.
    private static let mostBytes = 16 << 20

    /// What each file said.
    var byPath: [String: AddressRanges] { lists }

    /// Reads files anew. Blocks. Throws where one cannot be used; then what there was stays.
    mutating func read(_ paths: [String]) throws(ConfigurationError) {
        var new: [String: AddressRanges] = [:]
        for path in paths where new[path] == nil { new[path] = try Self.ranges(in: path) }
        lists = new
    }

    /// The addresses of a file.
    private static func ranges(in path: String) throws(ConfigurationError) -> AddressRanges {
        var ranges: [ClosedRange<UInt128>] = []
        for (number, line) in try TextFile(path, limit: mostBytes).read().split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let text = line.prefix { $0 != "#" }.filter { $0 != " " && $0 != "\t" && $0 != "\r" }
            if text.isEmpty { continue }
            guard let prefix = AddressPrefix(text) else {
                throw .badValue(
                    ConfigurationPlace(source: path, line: number + 1), problem: "\(quoted(text)) is no address",
                    expected: "an address or a prefix on each line, such as 192.0.2.1 or 2001:db8::/32")
            }
            ranges.append(prefix.numbers)
        }
        return AddressRanges(ranges)
    }
}
