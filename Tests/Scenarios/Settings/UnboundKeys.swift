/// What is known of Unbound's settings beside those that have a counterpart.
enum UnboundKeys {
    /// Sections and keys whose scripts stand on something that is not here, and what that is.
    static let needs: [String: String] = [
        "auth-zone": "zones served from files", "rpz": "RPZ as Unbound has it", "view": "Unbound's views",
        "python": "Python modules",
        "dynlib": "loaded modules", "cachedb": "module cachedb", "ipset": "module ipset",
        "trust-anchor": "DNSSEC validation", "trust-anchor-file": "DNSSEC validation",
        "auto-trust-anchor-file": "DNSSEC validation",
        "trusted-keys-file": "DNSSEC validation", "dlv-anchor": "DNSSEC validation",
        "dns64-prefix": "DNS64", "dns64-ignore-aaaa": "DNS64", "do-nat64": "NAT64", "nat64-prefix": "NAT64",
        "response-ip": "answers by address", "response-ip-data": "answers by address", "response-ip-tag": "answers by address",
        "define-tag": "tags", "access-control-tag": "tags", "access-control-view": "Unbound's views", "local-zone-tag": "tags",
        "access-control-tag-action": "tags", "access-control-tag-data": "tags", "local-zone-override": "tags",
        "edns-client-string": "EDNS client strings", "edns-client-string-opcode": "EDNS client strings", "nsid": "NSID",
        "send-client-subnet": "EDNS client subnet", "client-subnet-zone": "EDNS client subnet",
        "max-client-subnet-ipv6": "EDNS client subnet", "client-subnet-always-forward": "EDNS client subnet",
        "serve-original-ttl": "original TTLs", "dns-error-reporting": "DNS error reporting", "cookie-secret": "Unbound's cookies",
        "answer-cookie": "Unbound's cookies", "discard-timeout": "a time after which answers are dropped",
        "max-global-quota": "a quota of queries of a recursor",
    ]

    /// Keys that change nothing that a script could see here.
    static let harmless: Set<String> = [
        "target-fetch-policy", "qname-minimisation", "qname-minimisation-strict", "query-minimization", "trust-anchor-signaling",
        "fake-sha1", "fake-dsa", "iter-scrub-promiscuous", "iter-scrub-ns", "iter-scrub-cname", "rrset-roundrobin", "verbosity",
        "log-time-ascii", "log-servfail", "log-queries", "ede", "ede-serve-expired", "do-ip4", "do-ip6", "do-udp", "do-tcp",
        "harden-referral-path", "harden-glue", "harden-below-nxdomain", "harden-dnssec-stripped", "harden-algo-downgrade",
        "harden-large-queries", "harden-short-bufsize", "harden-unknown-additional", "harden-unverified-glue", "aggressive-nsec",
        "hide-identity", "hide-version", "hide-trustanchor", "num-queries-per-thread", "msg-cache-size", "rrset-cache-size",
        "msg-cache-slabs", "rrset-cache-slabs", "root-hints", "outbound-msg-retry", "domain-insecure", "root-key-sentinel",
        "do-not-query-localhost", "do-not-query-address", "directory", "use-caps-for-id", "val-log-level", "prefetch-key",
        "num-threads", "chroot", "username", "pidfile", "logfile", "use-syslog", "forward-first", "stub-first", "stub-prime",
        "infra-cache-min-rtt", "infra-keep-probing", "infra-host-ttl", "unwanted-reply-threshold", "outgoing-range", "features",
        "max-query-restarts", "val-max-restart", "force-ipv6", "stub-no-cache",
    ]
}
