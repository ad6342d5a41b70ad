internal import AnswerCache
internal import Green
internal import GreenRedis

/// What was removed where.
struct FlushReport {
    /// Entries of this daemon's memory.
    let memory: Int
    /// Answers in Redis; nil where there is none, or not all could be looked at.
    private(set) var redis: Int?
    /// Entries of other instances' memories, by instance.
    private(set) var others: [(name: String, count: Int)] = []
    /// What could not be done.
    private(set) var problem: String?

    /// A report on this daemon's memory.
    init(memory: Int) {
        self.memory = memory
    }

    /// Removes from Redis and from the other instances too.
    mutating func extend(over tiers: CacheTiers, _ filter: FleetFilter) throws(Interruption) {
        do {
            let fleet = try tiers.listeningFleet()
            let flush = try fleet.flush(filter)
            redis = flush.removedFromRedis
            others = flush.instances.filter { $0.key != fleet.name }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            if flush.silent > 0 {
                problem = "\(flush.silent) of \(flush.listeners) instances have not said yet what they removed"
            }
        } catch let interruption as Interruption {
            throw interruption
        } catch {
            problem = "redis and other instances may not be flushed: \(ControlFormat.words(error))"
        }
    }

    /// Lines for people.
    var text: String {
        var lines = [Self.line(CacheTier.memory.rawValue, memory)]
        if let redis { lines.append(Self.line(CacheTier.redis.rawValue, redis)) }
        lines += others.map { Self.line("\(CacheTier.memory.rawValue) of \($0.name)", $0.count) }
        return lines.map { $0 + "\n" }.joined() + (problem.map { ControlFormat.text.problem($0) } ?? "")
    }

    private static func line(_ place: String, _ count: Int) -> String {
        "\(place): removed \(count) \(count == 1 ? "entry" : "entries")"
    }

    /// Members of a JSON object.
    func write(to writer: inout JSONWriter) {
        if let problem { writer.member(ControlFormat.problemKey, problem) }
        writer.key("removed")
        writer.object { writer in
            writer.member(CacheTier.memory.rawValue, memory)
            if let redis { writer.member(CacheTier.redis.rawValue, redis) }
            for other in others { writer.member(other.name, other.count) }
        }
    }
}
