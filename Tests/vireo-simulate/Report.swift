import Simulation

/// Shows a run that failed, made smaller.
func report(_ plan: Plan, _ outcome: Outcome) {
    print("seed \(plan.seed) fails: \(outcome.violation!)")
    let (small, result) = Shrinking.shrink(plan, outcome) { print("  smaller: \($0)") }
    show(small)
    for line in result.trace.suffix(150) { print("  \(line)") }
    print("\(result.violation!)")
}

/// Shows what a run is made of.
private func show(_ plan: Plan) {
    print(plan.settings(round: 0))
    print("clients: \(plan.clients.map { "\($0.transport) every \($0.pause) ms" }), names: \(plan.names)")
    let upstreams = plan.upstreams.map { "\($0.behaviour) over \($0.transport)" }
    let networks =
        (plan.isUpstreamLossy ? ", bad network to upstreams" : "") + (plan.isClientLossy ? ", to clients" : "")
        + (plan.isNarrow ? ", narrow streams" : "")
    print("upstreams: \(upstreams), redis: \(plan.redis?.rawValue ?? "none")\(networks)")
    print("events: \(plan.events.map { "\($0.at) s \($0.what)" })")
}
