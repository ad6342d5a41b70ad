internal import DNSWire
internal import Green
internal import Resolver

extension DesignatedResolvers {
    /// What the settings say: each way of speaking encrypted, in the order of `listen`; nil where there is none, or no name that
    /// certificates are for.
    init?(_ settings: Settings) {
        guard let text = settings.tls.name, let name = Name(text) else { return nil }
        var found: [Service] = []
        for listener in settings.encrypted where listener.transport.isEncrypted {
            let isNamed = listener.path.hasSuffix("/" + ListenAddress.clientMark)
            // A path for a client's name says nothing to others.
            guard !isNamed else { continue }
            if let index = found.firstIndex(where: { $0.isSame(as: listener) }) {
                found[index].addresses.append(listener.address.ip)
            } else {
                found.append(Service(listener))
            }
        }
        self.init(name, found.enumerated().map { $1.record(UInt16(clamping: $0 + 1), name) })
    }

    /// A way of speaking, and where.
    private struct Service {
        let listener: ListenAddress
        var addresses: [IPAddress]

        init(_ listener: ListenAddress) { (self.listener, addresses) = (listener, [listener.address.ip]) }

        func isSame(as other: ListenAddress) -> Bool {
            listener.transport == other.transport && listener.address.port == other.address.port && listener.path == other.path
        }

        /// Its record (RFC 9461 4, 5).
        func record(_ priority: UInt16, _ name: Name) -> RecordData.SVCB {
            let isHTTP = listener.transport.isHTTP
            let alpn = Array((isHTTP ? "h2" : "dot").utf8)
            var parameters = [ServiceParameter(key: 1, value: [UInt8(alpn.count)] + alpn)]
            let port = listener.address.port
            if port != listener.transport.usualPort {
                parameters.append(ServiceParameter(key: 3, value: [UInt8(port >> 8), UInt8(port & 0xFF)]))
            }
            // Which of the machine's addresses a client reaches is known where one is named.
            if addresses.allSatisfy({ !$0.isWildcard && !$0.isLoopback && !$0.isLinkLocalV6 }) {
                for (key, family) in [(UInt16(4), IPAddress.Family.v4), (6, .v6)] {
                    let bytes = addresses.filter { $0.family == family }.flatMap(\.bytes)
                    if !bytes.isEmpty { parameters.append(ServiceParameter(key: key, value: bytes)) }
                }
            }
            if isHTTP { parameters.append(ServiceParameter(key: 7, value: Array("\(listener.path){?dns}".utf8))) }
            return RecordData.SVCB(priority: priority, target: name, parameters: parameters)
        }
    }
}
