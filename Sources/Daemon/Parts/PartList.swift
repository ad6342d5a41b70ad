/// The parts of a daemon in their order. A class, for its status may be asked for while it starts or stops.
final class PartList {
    /// From the first to start to the last.
    private let parts: [any Part]
    /// How many have started.
    private var startedCount = 0

    /// Parts that have not started.
    init(_ parts: [any Part]) {
        self.parts = parts
    }

    /// Starts all; where one fails those after it do not start, and nothing that outlives the process is left.
    func start() throws {
        for part in parts {
            startedCount += 1
            try part.start()
        }
    }

    /// Has all go on by `settings`. Where one cannot, all that had begun to are given `former` again, and its error is
    /// thrown.
    func adopt(_ settings: Settings, insteadOf former: Settings) throws {
        for (index, part) in parts.enumerated() {
            do {
                try part.adopt(settings)
            } catch {
                for part in parts[...index].reversed() { try? part.adopt(former) }
                throw error
            }
        }
    }

    /// What the parts say of themselves, those that say something.
    func status() throws -> [(part: String, fields: [StatusField])] {
        try parts.map { ($0.name, try $0.status()) }.filter { !$0.fields.isEmpty }
    }

    /// Stops all, whatever one of them throws; then throws the first of that.
    func stop() throws {
        let started = parts.prefix(startedCount)
        startedCount = 0
        var problem: (any Error)?
        for part in started.reversed() {
            do {
                try part.stop()
            } catch {
                problem = problem ?? error
            }
        }
        if let problem { throw problem }
    }

    /// Takes away what would outlive the process. Does nothing after a `stop`.
    func abandon() {
        for part in parts.prefix(startedCount).reversed() { part.abandon() }
        startedCount = 0
    }
}
