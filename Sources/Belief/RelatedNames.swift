internal import DNSWire

/// The names that an answer leads to: those that its aliases met, and those in the data of its records, of which the
/// additional section may say where they are.
struct RelatedNames {
    /// Their keyed hashes.
    private var hashes: Set<UInt64>
    /// Keys them.
    private let seed: UInt64

    /// Starts with the names that were met.
    init(_ met: [UInt64], seed: UInt64) {
        hashes = Set(met)
        self.seed = seed
    }

    /// Whether a name is one of them.
    func contains(_ name: NameView) -> Bool { hashes.contains(name.hash(seed: seed)) }

    /// Takes in the name in the data of a record whose form was checked.
    mutating func add(_ place: RecordPlace, in reply: Span<UInt8>) {
        let skipped: Int
        switch place.type {
        case .ns, .ptr, .cname: skipped = 0
        case .mx, .kx, .afsdb, .rt, .svcb, .https: skipped = 2
        case .srv: skipped = 6
        default: return
        }
        guard place.rdataLength > skipped,
            let name = try? NameView(reply, at: place.rdataOffset + skipped, limit: place.endOffset)
        else { return }
        hashes.insert(name.hash(seed: seed))
    }
}
