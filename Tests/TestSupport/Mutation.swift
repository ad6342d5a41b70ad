/// Spoils messages as networks and attackers do: a few random faults each.
package struct Mutation {
    private var numbers: SeededNumbers

    /// The faults of a seed.
    package init(seed: UInt64) { numbers = SeededNumbers(seed: seed) }

    /// A spoiled copy; now and then whole, or nothing but noise.
    package mutating func callAsFunction(_ message: [UInt8]) -> [UInt8] {
        if Int.random(in: 0..<50, using: &numbers) == 0 {
            return (0..<Int.random(in: 0...600, using: &numbers)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        }
        var bytes = message
        for _ in 0..<Int.random(in: 0...4, using: &numbers) { spoil(&bytes) }
        return bytes
    }

    private mutating func spoil(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = Int.random(in: 0..<bytes.count, using: &numbers)
        switch Int.random(in: 0..<8, using: &numbers) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
        case 2: bytes[place] = [0, 0x3F, 0x40, 0xC0, 0xFF].randomElement(using: &numbers)!
        case 3: bytes.removeLast(bytes.count - place)
        case 4: bytes.remove(at: place)
        case 5: bytes.insert(UInt8.random(in: 0...255, using: &numbers), at: place)
        case 6: bytes += bytes[place...].prefix(64)
        default: bytes[min(place % 12, bytes.count - 1)] = UInt8.random(in: 0...3, using: &numbers)
        }
    }
}
