internal import Resolver

extension LocalZones {
    /// The keys below `local-zones`.
    static let table = SettingsTable<LocalZones>([
        .value(
            "localhost", \.localhost, .flag,
            SettingFacts("localhost and names below it: 127.0.0.1 and ::1, and PTR of these (RFC 6761).")),
        .value(
            "special-use", \.specialUse, .flag,
            SettingFacts("invalid, test, onion and alt: NXDOMAIN (RFC 6761, 7686, 9476).")),
        .value("local", \.multicast, .flag, SettingFacts("local, the domain of multicast DNS: NXDOMAIN (RFC 6762).")),
        .value("home-arpa", \.home, .flag, SettingFacts("home.arpa, for home networks: an empty zone (RFC 8375).")),
        .value(
            "private-reverse", \.privateReverse, .flag,
            SettingFacts("Reverse zones of private, link-local and documentation addresses: empty zones (RFC 6303, 7793).")),
        .value(
            "resolver-arpa", \.resolverARPA, .flag,
            SettingFacts("resolver.arpa, by which clients would discover the upstream's encrypted resolvers: NODATA (RFC 9462).")),
        .value(
            "use-application-dns", \.browserCanary, .flag,
            SettingFacts("use-application-dns.net: NXDOMAIN, so that Firefox goes on asking this server.")),
        .value(
            "single-label", \.singleLabels, .flag,
            SettingFacts("A, AAAA, MX, SRV, HTTPS and SVCB of names without a dot: NXDOMAIN.")),
    ])
}
