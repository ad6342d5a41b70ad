/// The exchanges that a channel carries, by their ids, which are unique there. An id's lowest bits are its place; the
/// place and the other bits are random, so that an id is no easier to guess than any.
struct ExchangeTable {
    private var places: [Exchange?]
    /// How many there are.
    private(set) var count = 0

    /// A table with room for `capacity` exchanges, a power of two.
    init(capacity: Int) {
        precondition(capacity & (capacity - 1) == 0)
        places = Array(repeating: nil, count: capacity)
    }

    /// Whether there is room for another.
    var hasRoom: Bool { count < places.count }

    /// Gives an exchange an id that no other here has and takes it in, where there is room; `random` is random.
    mutating func register(_ exchange: Exchange, random: UInt64) {
        precondition(hasRoom)
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: random) & mask
        while places[place] != nil { place = (place + 1) & mask }
        exchange.form.id = UInt16(truncatingIfNeeded: random >> 16) & ~UInt16(mask) | UInt16(place)
        places[place] = exchange
        count += 1
    }

    /// The exchange with an id.
    func find(_ id: UInt16) -> Exchange? {
        guard let exchange = places[Int(id) & (places.count - 1)], exchange.form.id == id else { return nil }
        return exchange
    }

    /// Takes an exchange out that is here.
    mutating func remove(_ exchange: Exchange) {
        let place = Int(exchange.form.id) & (places.count - 1)
        guard places[place] === exchange else { return }
        places[place] = nil
        count -= 1
    }

    /// All that are here.
    var all: [Exchange] { places.compactMap { $0 } }

    /// Takes all out.
    mutating func removeAll() -> [Exchange] {
        guard count > 0 else { return [] }
        let all = all
        places = Array(repeating: nil, count: places.count)
        count = 0
        return all
    }
}
