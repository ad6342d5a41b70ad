package import DNSWire
internal import Green

/// Which view it is, in words that mean the same to every machine and every run: whom it asks.
package struct ViewIdentity: Hashable, Sendable {
    /// Tells it from all others; 0 is the general view's.
    package let id: UInt64
    /// Whom it asks, for people.
    package let text: String

    /// The view that asks some servers. `facts` are all that says who they are, which is not for everybody to read; their order
    /// does not matter. `shown` is what people are shown.
    package init(_ facts: [String], shown: [String]) {
        // FNV-1a, then a last mix: the operator chose the words, so that it need not be keyed, and must be the same everywhere.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for word in Set(facts).sorted() {
            for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01B3
        }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        id = hash == 0 ? 1 : hash
        text = shown.joined(separator: ", ")
    }
}

/// The numbers by which this process knows views. A number is given once and never to another, so that what was kept for a view
/// that is no more is found by nobody, and is found again when the view is back. Any thread.
package final class ViewDirectory: Sendable {
    /// That of the process.
    package static let shared = ViewDirectory()

    private let known = Locked<(byID: [UInt64: ViewNumber], identities: [ViewIdentity])>(([:], []))
    /// The first number besides the general view's.
    private static let first = Int(ViewNumber.general.rawValue) + 1
    /// No more views than these, of all settings that there were.
    private let limit: Int

    /// A directory of so many views at most.
    package init(limit: Int = Int(UInt16.max) - ViewDirectory.first) { self.limit = min(limit, Int(UInt16.max) - Self.first) }

    /// The number of a view, given out now where it is new; nil where there have been too many.
    package func number(of view: ViewIdentity) -> ViewNumber? {
        known.withLock { known in
            if let number = known.byID[view.id] { return number }
            guard known.identities.count < limit else { return nil }
            let number = ViewNumber(rawValue: UInt16(Self.first + known.identities.count))
            known.identities.append(view)
            known.byID[view.id] = number
            return number
        }
    }

    /// The number of the view with an id; nil for one that this process has never had. That of the general view is 0.
    package func number(ofID id: UInt64) -> ViewNumber? { id == 0 ? .general : known.withLock { $0.byID[id] } }

    /// Which view has a number; nil for the general one.
    package func identity(of number: ViewNumber) -> ViewIdentity? {
        let place = Int(number.rawValue) - Self.first
        return known.withLock { place >= 0 && place < $0.identities.count ? $0.identities[place] : nil }
    }

    /// The view with an id.
    package func identity(ofID id: UInt64) -> ViewIdentity? { number(ofID: id).flatMap(identity(of:)) }

    /// All numbers, the general view's first.
    package var numbers: [ViewNumber] {
        let count = known.withLock { $0.identities.count }
        return [.general] + (0..<count).map { ViewNumber(rawValue: UInt16(Self.first + $0)) }
    }

    /// The views by their numbers.
    package var identitiesByNumber: [ViewNumber: ViewIdentity] {
        let identities = known.withLock { $0.identities }
        return Dictionary(
            uniqueKeysWithValues: identities.enumerated().map { (ViewNumber(rawValue: UInt16(Self.first + $0)), $1) })
    }
}
