/// The exchanges that a channel carries, by their ids, which are unique there.
struct ExchangeTable {
    private var ids: [UInt16] = []
    private var exchanges: [Exchange] = []

    /// How many there are.
    var count: Int { exchanges.count }

    /// Gives an exchange an id that no other here has and takes it in; `random` is asked for candidates.
    mutating func register(_ exchange: Exchange, random: () -> UInt64) {
        var id: UInt16
        repeat { id = UInt16(truncatingIfNeeded: random()) } while ids.contains(id)
        exchange.form.id = id
        ids.append(id)
        exchanges.append(exchange)
    }

    /// The exchange with an id.
    func find(_ id: UInt16) -> Exchange? {
        ids.firstIndex(of: id).map { exchanges[$0] }
    }

    /// Takes an exchange out; nothing happens when it is not here.
    mutating func remove(_ exchange: Exchange) {
        guard let index = ids.firstIndex(of: exchange.form.id), exchanges[index] === exchange else { return }
        ids.swapAt(index, ids.count - 1)
        exchanges.swapAt(index, exchanges.count - 1)
        ids.removeLast()
        exchanges.removeLast()
    }

    /// Takes all out.
    mutating func removeAll() -> [Exchange] {
        defer {
            ids = []
            exchanges = []
        }
        return exchanges
    }
}
