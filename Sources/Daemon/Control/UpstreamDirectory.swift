internal import AnswerCache
internal import Upstream

/// The numbers that upstreams are known by in the cache: this daemon's own, those of earlier settings among them, and those
/// that other instances asked.
struct UpstreamDirectory {
    /// How each is written in the configuration, by number.
    private(set) var namesByNumber: [UInt16: String]

    /// A directory of upstreams by number.
    init(_ addresses: [UInt16: UpstreamAddress]) {
        namesByNumber = addresses.mapValues { "\($0)" }
    }

    /// The same, and upstreams of other instances.
    func adding(_ others: ForeignUpstreams?) -> UpstreamDirectory {
        var directory = self
        if let others { directory.namesByNumber.merge(others.namesByNumber) { own, _ in own } }
        return directory
    }

    /// How an upstream is written in the configuration; nil for a number that nobody has.
    func name(of number: UInt16) -> String? { namesByNumber[number] }

    /// The numbers of the upstreams that are meant.
    func numbers(of upstreams: UpstreamMatch) -> [UInt16] {
        namesByNumber.filter { upstreams.includes($0.value) }.keys.sorted()
    }

    /// The number of each, by how it is written in the configuration; this daemon's own before others.
    var numbersByName: [String: UInt16] {
        Dictionary(namesByNumber.map { ($0.value, $0.key) }, uniquingKeysWith: min)
    }

    /// All of them, as the configuration has them.
    var names: [String] {
        namesByNumber.sorted { $0.key < $1.key }.reduce(into: []) { if !$0.contains($1.value) { $0.append($1.value) } }
    }
}
