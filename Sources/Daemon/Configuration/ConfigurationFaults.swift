/// The mistakes that a reading of settings finds, so that all can be told at once.
struct ConfigurationFaults {
    /// From the first to the last.
    private var errors: [ConfigurationError] = []

    /// Whether there are so many that nobody is told of further ones in words, so that those need no looking for.
    var isFull: Bool { errors.count >= ConfigurationError.mostTold }

    /// Whether there are none.
    var isEmpty: Bool { errors.isEmpty }

    /// How many there are.
    var count: Int { errors.count }

    /// Takes a mistake in.
    mutating func add(_ error: ConfigurationError) {
        errors += error.all
    }

    /// Takes others in.
    mutating func add(contentsOf others: ConfigurationFaults) {
        errors += others.errors
    }

    /// Does a part of the reading; a mistake there does not end the rest.
    mutating func collect(_ body: () throws(ConfigurationError) -> Void) {
        do throws(ConfigurationError) {
            try body()
        } catch {
            add(error)
        }
    }

    /// Puts them in the order in which they stand in the file; those of no line stay behind the others.
    mutating func sort() {
        let order = errors.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
        errors = order.map(\.element)
    }

    /// Throws what was found: one mistake as itself, several as one error.
    func check() throws(ConfigurationError) {
        guard let first = errors.first else { return }
        throw errors.count == 1 ? first : .several(errors)
    }
}

extension ConfigurationError {
    /// The line and column of a mistake; beyond all others where it has none.
    fileprivate var position: Position {
        switch self {
        case .syntax(_, let line, let column, _): Position(line: line, column: column)
        case .unknownKey(let place, _, _), .duplicateKey(let place), .badValue(let place, _, _):
            Position(line: place.line ?? .max, column: place.column ?? 0)
        case .unreadable, .several: Position(line: .max, column: 0)
        }
    }

    fileprivate struct Position: Comparable {
        let line: Int
        let column: Int

        static func < (one: Position, other: Position) -> Bool { (one.line, one.column) < (other.line, other.column) }
    }
}
