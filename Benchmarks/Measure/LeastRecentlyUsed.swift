/// The measure to be held against: keeps so many numbers, and lets the one go that was asked for longest ago.
struct LeastRecentlyUsed {
    private let capacity: Int
    private var held = 0
    /// The neighbours of each number in order of use, and one more place where both ends meet.
    private var newer, older: [Int32]
    private let ends: Int

    /// Keeps `capacity` of the numbers from 0 to below `numbers`.
    init(capacity: Int, numbers: Int) {
        self.capacity = capacity
        ends = numbers
        newer = [Int32](repeating: -1, count: numbers + 1)
        older = newer
        newer[ends] = Int32(ends)
        older[ends] = Int32(ends)
    }

    /// Asks for a number, and takes it in: whether it was there.
    mutating func request(_ number: Int) -> Bool {
        let wasHeld = newer[number] >= 0
        if wasHeld {
            unlink(number)
        } else {
            held += 1
            if held > capacity {
                unlink(Int(newer[ends]))
                held -= 1
            }
        }
        linkAsNewest(number)
        return wasHeld
    }

    private mutating func unlink(_ number: Int) {
        older[Int(newer[number])] = older[number]
        newer[Int(older[number])] = newer[number]
        newer[number] = -1
        older[number] = -1
    }

    /// The newest is what is older than the ends' meeting place; the oldest is what is newer than it.
    private mutating func linkAsNewest(_ number: Int) {
        let newest = older[ends]
        older[number] = newest
        newer[number] = Int32(ends)
        newer[Int(newest)] = Int32(number)
        older[ends] = Int32(number)
    }
}
