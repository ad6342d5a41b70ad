/// Makes a plan that fails smaller, as long as the same check fails.
package enum Shrinking {
    /// The smallest plan that was found, and what came of it.
    package static func shrink(_ plan: Plan, _ outcome: Outcome, say: (String) -> Void) -> (Plan, Outcome) {
        var (best, result) = (plan, outcome)
        guard let check = outcome.violation?.check else { return (plan, outcome) }
        func isTaken(_ candidate: Plan) -> Bool {
            let new = Simulation.run(candidate)
            guard new.violation?.check == check else { return false }
            (best, result) = (candidate, new)
            say("\(best.clients.count) clients, \(best.events.count) events, \(best.seconds) s")
            return true
        }
        var goesOn = true
        while goesOn {
            goesOn = false
            for index in best.events.indices.reversed() {
                var candidate = best
                candidate.events.remove(at: index)
                if isTaken(candidate) { goesOn = true }
            }
            for index in best.clients.indices.reversed() where best.clients.count > 1 {
                var candidate = best
                candidate.clients.remove(at: index)
                if isTaken(candidate) { goesOn = true }
            }
            let last = (best.events.map(\.at).max() ?? 0) + 1
            for seconds in [last, (last + best.seconds) / 2] where seconds < best.seconds {
                var candidate = best
                candidate.seconds = seconds
                if isTaken(candidate) {
                    goesOn = true
                    break
                }
            }
        }
        // Once more, with all that is said.
        result = Simulation.run(best, isDetailed: true)
        return (best, result)
    }
}
