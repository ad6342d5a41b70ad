public import Green

/// Why a look-up found nothing, by what can be done about it.
public enum DNSError: TimeoutError, Hashable {
    /// There is no such name.
    case noSuchName(String)
    /// The name exists, but has no address.
    case noAddress(String)
    /// No server gave an answer that counts: why the last one did not.
    case serverFailure(String, String)
    /// No server answered in time.
    case timedOut(String)
    /// As many questions as the resolver may have at once wait for servers already (`DNSResolverOptions.flightLimit`).
    case overloaded(String)
    /// The settings name no server.
    case noServers(String)

    /// Whether it is `timedOut`.
    public var saysTimeout: Bool {
        if case .timedOut = self { true } else { false }
    }

    /// Which of two to tell: the one that says more.
    var rank: Int {
        switch self {
        case .noSuchName: 0
        case .noAddress: 1
        case .serverFailure: 2
        case .timedOut: 3
        case .overloaded: 4
        case .noServers: 5
        }
    }

    /// The same of that name.
    func of(_ name: String) -> DNSError {
        switch self {
        case .noSuchName: .noSuchName(name)
        case .noAddress: .noAddress(name)
        case .serverFailure(_, let reason): .serverFailure(name, reason)
        case .timedOut: .timedOut(name)
        case .overloaded: .overloaded(name)
        case .noServers: .noServers(name)
        }
    }
}

extension DNSError: CustomStringConvertible {
    /// One line for a log.
    public var description: String {
        switch self {
        case .noSuchName(let name): "\(name): no such host"
        case .noAddress(let name): "\(name): has no address"
        case .serverFailure(let name, let reason): "\(name): no server knows: \(reason)"
        case .timedOut(let name): "\(name): no server answered in time"
        case .overloaded(let name): "\(name): not asked for: too many questions wait for servers already"
        case .noServers(let name): "\(name): not asked for: there are no DNS servers in the settings"
        }
    }
}
