/// What a flush removed, and where.
struct FlushReport {
    private var removed: [(place: String, count: Int)] = []

    /// Notes what was removed from a tier, or by an instance.
    mutating func add(_ place: String, _ count: Int) {
        removed.append((place, count))
    }

    /// A line for each place.
    var text: String {
        removed.reduce("") { $0 + "\($1.place): removed \($1.count) \($1.count == 1 ? "entry" : "entries")\n" }
    }

    /// Writes a member with a number for each place.
    func write(to writer: inout JSONWriter) {
        writer.key("removed")
        writer.object { writer in
            for (place, count) in removed { writer.member(place, count) }
        }
    }
}
