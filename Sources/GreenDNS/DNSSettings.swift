public import DNSWire
public import Green

/// Whom to ask, and what a short name stands for: what resolv.conf(5) says.
public struct DNSSettings: Sendable, Hashable {
    /// The servers, in the order in which they are asked.
    public var servers: [SocketAddress]
    /// What is put behind a short name, in turn.
    public var search: [Name] = []
    /// A name with so many dots is tried as it is first (`ndots`).
    public var dots = 1
    /// How long a server has for an answer: a millisecond to 30 seconds; what is beyond is set to the nearest.
    public var timeout = Duration.seconds(5) {
        didSet { timeout = min(max(.milliseconds(1), timeout), .seconds(30)) }
    }
    /// How often all servers are asked: once to five times; what is beyond is set to the nearest.
    public var attempts = 2 {
        didSet { attempts = min(max(1, attempts), 5) }
    }
    /// Whether each question begins with another server (`rotate`).
    public var rotates = false

    /// As many servers and search domains are read, and no more.
    static let (serverLimit, searchLimit) = (8, 16)

    /// These servers, and no search list.
    public init(servers: [SocketAddress]) {
        self.servers = servers
    }

    /// What a resolv.conf says. What cannot be read is left out; without a server this machine is asked, as resolv.conf(5) has it.
    public init(resolvConf text: String) {
        servers = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" && $0 != ";" }.split(whereSeparator: \.isWhitespace)
            guard let key = words.first else { continue }
            let values = words.dropFirst()
            switch key {
            case "nameserver":
                if let ip = values.first.flatMap({ IPAddress($0) }), servers.count < Self.serverLimit {
                    servers.append(SocketAddress(ip, port: 53))
                }
            case "domain", "search":
                // The last one counts.
                let domains = key == "domain" ? values.prefix(1) : values.prefix(Self.searchLimit)
                search = domains.compactMap { DNSResolver.hostName(String($0)) }.filter { !$0.isRoot }
            case "options":
                for option in values { set(option) }
            default:
                break
            }
        }
        if servers.isEmpty { servers = [SocketAddress(.loopback, port: 53)] }
    }

    private mutating func set(_ option: Substring) {
        let parts = option.split(separator: ":", maxSplits: 1)
        let number = parts.count == 2 ? Int(parts[1]) : nil
        switch (parts.first, number) {
        case ("rotate", nil): rotates = true
        case ("ndots", let number?): dots = min(max(0, number), 15)
        case ("timeout", let number?): timeout = .seconds(min(max(1, number), 30))
        case ("attempts", let number?): attempts = number
        default: break
        }
    }

    /// The names that a name may stand for, in the order in which they are tried.
    func candidates(for name: Name, isAbsolute: Bool) -> [Name] {
        if isAbsolute || search.isEmpty { return [name] }
        let longer = search.prefix(Self.searchLimit).compactMap { try? name.appending($0) }
        return name.labelCount - 1 >= dots ? [name] + longer : longer + [name]
    }
}
