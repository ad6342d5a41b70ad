/// The mistakes that a reading of settings finds, so that all can be told at once.
struct ConfigurationFaults {
    /// From the first to the last.
    private var errors: [ConfigurationError] = []

    /// Whether there are so many that nobody is told of further ones in words, so that those need no looking for.
    var isFull: Bool { errors.count >= ConfigurationError.mostTold }

    /// Does a part of the reading; a mistake there does not end the rest.
    mutating func collect(_ body: () throws(ConfigurationError) -> Void) {
        do throws(ConfigurationError) {
            try body()
        } catch {
            errors += error.all
        }
    }

    /// Throws what was found: one mistake as itself, several as one error.
    func check() throws(ConfigurationError) {
        guard let first = errors.first else { return }
        throw errors.count == 1 ? first : .several(errors)
    }
}
