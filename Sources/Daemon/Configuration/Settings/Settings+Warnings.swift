internal import Green
internal import GreenRedis
internal import Upstream

extension Settings {
    /// What is set and does nothing, or does harm: a line for each. No reason to refuse the settings.
    package var warnings: [String] {
        var warnings: [String] = []
        if cache.size == 0 {
            let idle = [
                (cache.staleSeconds > 0, "cache.serve-stale"), (cache.snapshot != nil, "cache.snapshot"),
                (cache.prefetches, "cache.prefetch"),
            ]
            for (isSet, key) in idle where isSet {
                warnings.append("\(key) does nothing while cache.size is 0: it is about what is kept in memory")
            }
        }
        if answersEverybody {
            warnings.append("everybody who reaches this server may ask it (allow): an open resolver is used to attack others")
        }
        let own = [IPAddress.loopback, .loopbackV6].filter { ClientAccess(allow: proxies, deny: [], networks: []).admits($0) }
        if let first = own.first, writtenListen.contains(where: { !$0.transport.isHTTP }) {
            warnings.append(
                "proxies has \(first): what this machine asks over UDP, TCP and TLS needs a PROXY header; a proxy here had better "
                    + "ask from an address of its own, such as 127.0.0.2")
        }
        warnings += verifyWarnings(upstreams, choice, "")
        for (number, rule) in forward.enumerated() {
            warnings += verifyWarnings(rule.upstreams, rule.choice, "forward[\(number)].")
        }
        warnings += rules.clientWarnings
        if let http, !http.ip.isLoopback, httpToken != nil || httpTokenFile != nil {
            warnings.append(
                "http: \(http) takes http-token in clear: whoever can listen on the way there learns it; expected a loopback "
                    + "address behind a proxy that speaks TLS")
        }
        if otlp?.tellsHeaders == true {
            warnings.append(
                "otlp sends its headers to another machine in clear: whoever can listen on the way there learns them; expected https"
            )
        }
        if let openFile, let secret {
            warnings.append("every user of this machine can read \(openFile), and \(secret) in it; expected a mode such as 0640")
        }
        return warnings
    }

    /// What `verify` cannot do in a group.
    private func verifyWarnings(_ upstreams: [UpstreamAddress], _ choice: ChoiceSettings, _ prefix: String) -> [String] {
        guard !choice.verify.with.isEmpty else { return [] }
        var warnings: [String] = []
        if !upstreams.isEmpty, (upstreams + choice.fallback).allSatisfy(\.transport.isEncrypted) {
            warnings.append("\(prefix)verify does nothing: nobody can forge what encrypted upstreams answer")
        }
        for upstream in choice.verify.with where !upstream.transport.isEncrypted && !upstream.address.ip.isLoopback {
            warnings.append("\(prefix)verify.with: \(upstream) is plain DNS, which can be forged as well")
        }
        return warnings
    }

    /// A secret that the settings hold, in words; a setting that is one belongs here, and its facts say so.
    var secret: String? {
        if cache.redis?.password != nil, cache.redisPasswordFile == nil { return "the password of cache.redis" }
        if otlp?.headers.isEmpty == false { return "otlp.headers" }
        return httpToken != nil && httpTokenFile == nil ? "http-token" : nil
    }
}
