@preconcurrency internal import Glibc
internal import GreenTLS

/// The certificates of simulated machines, the same in each run: an authority's, and of `dns.test` (the daemon) and `upstream.test`
/// what it has signed, until 2120. Keys are Ed25519, whose signatures all have one length: so what goes over the wire is as long in
/// each run.
enum SimulatedCertificates {
    /// What the daemon and the upstreams are called.
    static let daemonName = "dns.test", upstreamName = "upstream.test"
    /// The SHA-256 of the upstreams' key, as an upstream's `pin-sha256` wants it.
    static let upstreamPin = "N1bAoRoIiGGfSoI2+DPPA0ry+KqSYmVV6nj/4rmCB5E="

    /// The real files that the daemon reads: OpenSSL opens them by name.
    static let authorityFile = file(authority), certificateFile = file(daemonCertificate), keyFile = file(daemonKey)

    /// Those files with their contents, for the simulated host that sees by their stamps whether they have changed.
    static var files: [(path: String, text: String)] {
        [(authorityFile, authority), (certificateFile, daemonCertificate), (keyFile, daemonKey)]
    }

    /// How a client of the daemon speaks, with sessions of its own.
    static func client(_ protocols: [String]) throws -> TLSContext {
        var options = TLSClientOptions()
        (options.trust, options.protocols) = (.pem(authority), protocols)
        return try TLSContext.client(options)
    }

    /// How an upstream speaks; one that `isOther` has the certificate of somebody else.
    static func upstream(_ transport: UpstreamTransport, isOther: Bool) throws -> TLSContext {
        let identity =
            isOther
            ? TLSIdentity(certificatePEM: daemonCertificate, keyPEM: daemonKey)
            : TLSIdentity(certificatePEM: upstreamCertificate, keyPEM: upstreamKey)
        var options = TLSServerOptions(identity: identity)
        options.protocols = [transport == .tls ? "dot" : "h2"]
        return try TLSContext.server(options)
    }

    /// A file without a name, which goes with the process: a path to it.
    private static func file(_ text: String) -> String {
        guard let stream = tmpfile(), fputs(text, stream) >= 0, fflush(stream) == 0 else {
            fatalError("no file for a certificate: \(String(cString: strerror(errno)))")
        }
        return "/proc/self/fd/\(fileno(stream))"
    }

    private static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBFjCByaADAgECAgEBMAUGAytlcDASMRAwDgYDVQQDDAdjYS50ZXN0MCAXDTIw
        MDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjASMRAwDgYDVQQDDAdjYS50ZXN0
        MCowBQYDK2VwAyEAKuJ45Qm28RGWKA6lXiYPTsO1A2Eldjf5SUAt3kB47HijQjBA
        MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMB0GA1UdDgQWBBTZYpS5
        Q9JZUPUH+CzgyMF4KlKotTAFBgMrZXADQQAXMpp1ANw2ydVdrfwWETmQcmMH/m5d
        49O9blrtdsUHGjyOArXz+F38IXpRb8V8VcTNlxlpCuStS61Qf9YVM7UM
        -----END CERTIFICATE-----
        """

    private static let daemonCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBMjCB5aADAgECAgECMAUGAytlcDASMRAwDgYDVQQDDAdjYS50ZXN0MCAXDTIw
        MDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjATMREwDwYDVQQDDAhkbnMudGVz
        dDAqMAUGAytlcAMhAB+RG+jeZG0TibIu6cj1FB86Otm5j/51P6rvSPGFDqmOo10w
        WzAZBgNVHREEEjAQgghkbnMudGVzdIcECgAANTAdBgNVHQ4EFgQUHN6OPySzF7LY
        vo5LFmBUlWYv9tEwHwYDVR0jBBgwFoAU2WKUuUPSWVD1B/gs4MjBeCpSqLUwBQYD
        K2VwA0EAmovCVAeB2Lu+vuPIywTc7Cm0uC8UmKUTVFr9rkIyDkCjLJBrIQpln2j0
        OQpc5ouobPkBPs9RXOnjW0/TkZVMAw==
        -----END CERTIFICATE-----
        """

    private static let daemonKey = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEILd29h5K+iuZeIvW/oO7jQ1qWdLXqTFe0n3K2RbkoIeh
        -----END PRIVATE KEY-----
        """

    private static let upstreamCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBNjCB6aADAgECAgEDMAUGAytlcDASMRAwDgYDVQQDDAdjYS50ZXN0MCAXDTIw
        MDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYDVQQDDA11cHN0cmVh
        bS50ZXN0MCowBQYDK2VwAyEAxl+zc4lJn83wrqRopeytM5SzoH4ABuzh8iRGSwPz
        JsejXDBaMBgGA1UdEQQRMA+CDXVwc3RyZWFtLnRlc3QwHQYDVR0OBBYEFCUZk7/g
        gow3/k0dP06n0pfx3sY3MB8GA1UdIwQYMBaAFNlilLlD0llQ9Qf4LODIwXgqUqi1
        MAUGAytlcANBAJLfjePkya1uweTYbs3YKJoqHEzB4mXs3JRuv3Ss9nt0u7NLXno/
        1KP+DAXHAsqZNUohK4XoxIPvcfVYu1uNJQw=
        -----END CERTIFICATE-----
        """

    private static let upstreamKey = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIDs3+JwphwcvznhOR4m1LYksMRzKYKuGScep2C0pPByr
        -----END PRIVATE KEY-----
        """
}
