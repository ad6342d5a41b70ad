internal import AnswerCache
internal import Upstream

/// The numbers that upstreams are known by in the cache: this daemon's own, those of earlier settings among them, and those
/// that other instances asked.
struct UpstreamDirectory {
    private let own: [UInt16: String]
    private let others: ForeignUpstreams?

    /// A directory of this daemon's own upstreams by number, and of those of others.
    init(_ addresses: [UInt16: UpstreamAddress], others: ForeignUpstreams? = nil) {
        own = addresses.mapValues { "\($0)" }
        self.others = others
    }

    /// How each is written in the configuration, by number.
    var namesByNumber: [UInt16: String] { own.merging(others?.namesByNumber ?? [:]) { own, _ in own } }

    /// How an upstream is written in the configuration; nil for a number that nobody has.
    func name(of number: UInt16) -> String? { own[number] ?? others?.name(of: number) }

    /// The numbers of the upstreams that are meant.
    func numbers(of upstreams: UpstreamMatch) -> [UInt16] {
        namesByNumber.filter { upstreams.includes($0.value) }.keys.sorted()
    }

    /// The number of the upstream that is written so in the configuration, or was in another's.
    func number(of name: String) -> UInt16? {
        own.filter { $0.value == name }.keys.min() ?? others?.number(of: name)
    }

    /// All of them, as the configuration has them.
    var names: [String] {
        namesByNumber.sorted { $0.key < $1.key }.reduce(into: []) { if !$0.contains($1.value) { $0.append($1.value) } }
    }
}
