/// Something that reads the bytes of strangers: a function that takes any bytes at all and traps where a promise is broken.
struct FuzzTarget: Sendable, CustomStringConvertible {
    /// What it is called, as are its folders in `corpus` and `crashes`.
    let name: String
    /// Reads an input.
    let run: @Sendable ([UInt8]) -> Void

    /// Its name, for the list of tests.
    var description: String { name }

    /// All of them.
    static let all: [FuzzTarget] =
        [
            FuzzTarget(name: "message", run: MessageTargets.message),
            FuzzTarget(name: "name", run: MessageTargets.name),
            FuzzTarget(name: "round-trip", run: MessageTargets.roundTrip),
            FuzzTarget(name: "query", run: MessageTargets.query),
            FuzzTarget(name: "signature", run: TransferTargets.signature),
            FuzzTarget(name: "transfer", run: TransferTargets.transfer),
            FuzzTarget(name: "belief", run: BeliefTarget.belief),
            FuzzTarget(name: "redis-value", run: CacheTargets.redisValue),
            FuzzTarget(name: "redis-text", run: CacheTargets.redisText),
            FuzzTarget(name: "snapshot", run: CacheTargets.snapshot),
            FuzzTarget(name: "resp", run: StreamTargets.resp),
            FuzzTarget(name: "http2-server", run: StreamTargets.http2Server),
            FuzzTarget(name: "http2-client", run: StreamTargets.http2Client),
            FuzzTarget(name: "proxy", run: StreamTargets.proxy),
            FuzzTarget(name: "dns-parameter", run: WebTargets.dnsParameter),
            FuzzTarget(name: "http-response", run: WebTargets.response),
            FuzzTarget(name: "certificate", run: TLSTargets.certificate),
            FuzzTarget(name: "server-name", run: TLSTargets.serverName),
            FuzzTarget(name: "control", run: ControlTarget.control),
            FuzzTarget(name: "yaml", run: FileTargets.yaml),
            FuzzTarget(name: "upstream-url", run: FileTargets.upstreamURL),
            FuzzTarget(name: "hosts", run: FileTargets.hosts),
            FuzzTarget(name: "own-rules", run: FileTargets.ownRules),
            FuzzTarget(name: "gzip", run: FileTargets.gzip),
            FuzzTarget(name: "neighbours", run: FileTargets.neighbours),
            FuzzTarget(name: "local-zone", run: ListTargets.localZone),
        ] + ListTargets.formats
}

/// Ends the program where a promise is broken, in every build: libFuzzer keeps the input then.
func promise(_ holds: Bool, _ what: StaticString) {
    if !holds { fatalError("broken promise: \(what)") }
}
