// Looks up names by DNS on a hub's own sockets, where `lookUp` of Green asks the machine's resolver on a thread.
//
//     let resolver = DNSResolver()
//     let addresses = try resolver.addresses(of: "www.example.org", until: .in(.seconds(3)))
//     let socket = try resolver.connect(toHost: "www.example.org", port: 443, until: .in(.seconds(5)))
//
// A look-up walks like this: an address is its own; a name of the hosts file has the addresses there (`HostsTable`); else each name
// that the search list makes of it is tried in turn (`DNSSettings`), A and AAAA at the same time. What is known already comes from
// the cache (`AnswerTable`); else the first that asks begins a flight, a greenlet of its own, which all others wait for. It asks the
// servers in turn (`DNSExchange`), over UDP from a port of its own, over TCP where an answer is cut, and follows aliases.
//
// Invariants: of a reply only the chain from the question's name counts. Every loop over something from outside has a bound. Files are
// read on threads, and again when they change. All of it runs in a simulated world.

public import DNSWire
public import Green

/// How a resolver finds what it asks.
public struct DNSResolverOptions: Sendable {
    /// Servers and search list; nil for what `resolvConf` says, which is followed.
    public var settings: DNSSettings?
    /// The file with servers and search list.
    public var resolvConf = "/etc/resolv.conf"
    /// The file with names that are known without asking; nil for none.
    public var hosts: String? = "/etc/hosts"
    /// How many answers are kept.
    public var cacheLimit = 1_000
    /// The longest that one is kept, whatever its TTL.
    public var longestLife = Duration.seconds(86_400)
    /// How often it is looked whether the files have changed.
    public var followsFiles = Duration.seconds(5)

    /// The defaults.
    public init() {}
}

/// A resolver for a hub's greenlets; see the head of the file. Belongs to its hub's thread. A name that is known costs a search in a
/// dictionary, any other a socket and a greenlet for each family.
public final class DNSResolver {
    /// The hub it belongs to.
    public let hub: Hub
    private let options: DNSResolverOptions
    private let settings: FollowedFile<DNSSettings>
    private let hosts: FollowedFile<HostsTable>
    private var known: AnswerTable
    private var flights: [Question: Greenlet<Result<DNSAnswer, any Error>>] = [:]
    /// How many questions were asked of servers.
    public private(set) var askedCount: UInt64 = 0

    /// A resolver that has read nothing yet.
    public init(_ options: DNSResolverOptions = DNSResolverOptions(), hub: Hub = .current) {
        self.options = options
        self.hub = hub
        let pause = options.followsFiles
        settings = FollowedFile(options.settings == nil ? options.resolvConf : nil, each: pause, hub: hub) {
            DNSSettings(resolvConf: $0)
        }
        hosts = FollowedFile(options.hosts, each: pause, hub: hub) { HostsTable($0) }
        known = AnswerTable(limit: options.cacheLimit)
    }

    // MARK: - Looking up

    /// The addresses of a host, those first that this machine has a route to, IPv6 before IPv4. An address is its own; `localhost`
    /// and what is below it are this machine (RFC 6761 6.3).
    ///
    /// Throws ``DNSError``: `timedOut` where nothing was known by `deadline`; or the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func addresses(of host: String, until deadline: Instant = .never) throws -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        guard let name = Self.hostName(host), !name.isRoot else { throw DNSError.noSuchName(host) }
        if let listed = try hosts.value().addresses[name] { return listed }
        if name.isSubdomain(of: Self.localhost) { return [.loopbackV6, .loopback] }
        let settings = try options.settings ?? self.settings.value()
        var failure = DNSError.noSuchName(host)
        for candidate in settings.candidates(for: name, isAbsolute: host.hasSuffix(".")) {
            let (found, reason) = try bothFamilies(of: candidate, settings, deadline)
            if !found.isEmpty { return inOrder(found) }
            // That a name has no addresses says more than that another one does not exist.
            if reason.rank > failure.rank { failure = reason }
            // A server that does not answer for one name will not for the next.
            if case .timedOut = reason { break }
        }
        throw failure.of(host)
    }

    /// The records of that type that a name has, at the end of its aliases; none where it has none. The search list and the hosts
    /// file have no part in it. Throws as `addresses(of:until:)` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func records(of name: Name, _ type: RecordType, until deadline: Instant = .never) throws -> [ResourceRecord] {
        let answer = try answer(to: Question(name, type), try options.settings ?? self.settings.value(), until: deadline)
        if answer.outcome == .noSuchName { throw DNSError.noSuchName("\(name)") }
        return answer.records
    }

    /// The names of an address: of the hosts file, else of its PTR records. Who controls the address chooses them, so that they prove
    /// nothing; what is no name of a host is left out. Throws as `addresses(of:until:)` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func names(of address: IPAddress, until deadline: Instant = .never) throws -> [String] {
        if let listed = try hosts.value().names[address] { return [listed] }
        let found = try records(of: Self.reverseName(of: address), .ptr, until: deadline)
        return found.compactMap { record in
            guard case .ptr(let pointer) = record.data, Self.isHostName("\(pointer.target)") else { return nil }
            return "\("\(pointer.target)".dropLast())"
        }
    }

    /// Connects to `port` of a host as `StreamSocket.connect(toHost:port:until:)` does, by what this resolver knows of it.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func connect(toHost host: String, port: UInt16, until deadline: Instant = .never) throws -> StreamSocket {
        let found = StreamSocket.alternating(try addresses(of: host, until: deadline))
        do {
            return try StreamSocket.connect(toFirstOf: found.map { SocketAddress($0, port: port) }, until: deadline)
        } catch let error as SocketError {
            throw error.nowhere.at(.host(host, port: port))
        }
    }

    /// Forgets all answers.
    public func forget() {
        known = AnswerTable(limit: options.cacheLimit)
    }

    // MARK: - Parts

    /// The addresses of one name, asked for side by side, and why there are none.
    private func bothFamilies(
        of name: Name, _ settings: DNSSettings, _ deadline: Instant
    ) throws -> (found: [IPAddress], reason: DNSError) {
        let begun = [RecordType.aaaa, .a].map { type in begin(Question(name, type), settings) }
        var (found, reason) = ([IPAddress](), DNSError.noSuchName(""))
        for each in begun {
            do {
                let answer = try wait(for: each, until: deadline)
                found += answer.addresses
                let said = answer.outcome == .noSuchName ? DNSError.noSuchName("") : .noAddress("")
                if said.rank > reason.rank { reason = said }
            } catch let error as DNSError {
                if error.rank > reason.rank { reason = error }
            }
        }
        return (found, reason)
    }

    private func answer(to question: Question, _ settings: DNSSettings, until deadline: Instant) throws -> DNSAnswer {
        try wait(for: begin(question, settings), until: deadline)
    }

    /// What is known of a question, or who finds out.
    private enum Begun {
        case known(DNSAnswer)
        case asking(Greenlet<Result<DNSAnswer, any Error>>)
    }

    private func begin(_ question: Question, _ settings: DNSSettings) -> Begun {
        if let answer = known.find(question, at: hub.loop.now()) { return .known(answer) }
        if let flight = flights[question] { return .asking(flight) }
        let flight = hub.spawn(name: "dns \(question)") { () -> Result<DNSAnswer, any Error> in
            defer { self.flights[question] = nil }
            return Result { try self.find(question, settings) }
        }
        // One that could not begin has no end either, at which it would be taken out.
        if !flight.isDone { flights[question] = flight }
        return .asking(flight)
    }

    private func wait(for begun: Begun, until deadline: Instant) throws -> DNSAnswer {
        switch begun {
        case .known(let answer): return answer
        case .asking(let flight):
            guard let result = try flight.get(until: deadline) else { throw DNSError.timedOut("") }
            return try result.get()
        }
    }

    /// How many times an alias is followed by another question.
    private static let aliasLimit = 8

    /// Asks, follows aliases that the server has left open, and keeps what it finds.
    private func find(_ question: Question, _ settings: DNSSettings) throws -> DNSAnswer {
        var (name, life) = (question.name, UInt32.max)
        for _ in 0..<Self.aliasLimit {
            let asked = Question(name, question.type)
            let reply = try DNSExchange(hub: hub, settings: settings).ask(asked) { self.askedCount += 1 }
            var answer = DNSAnswer(reply, to: asked)
            life = min(life, answer.life)
            guard answer.isOpen else {
                answer.life = life
                known.keep(answer, for: question, until: moment(after: life))
                return answer
            }
            name = answer.target
        }
        throw DNSError.serverFailure("", "its aliases do not end")
    }

    private func moment(after seconds: UInt32) -> Instant {
        hub.loop.now().advanced(by: min(.seconds(Int64(seconds)), options.longestLife))
    }

    /// IPv6 first, unless this machine has no route there (RFC 6724 6, rules 1 and 6 in short).
    private func inOrder(_ addresses: [IPAddress]) -> [IPAddress] {
        let (first, second) = (addresses.filter { $0.family == .v6 }, addresses.filter { $0.family == .v4 })
        guard let one = first.first, !second.isEmpty else { return first + second }
        let isReachable = (try? DatagramSocket(hub: hub, connectedTo: SocketAddress(one, port: 53))) != nil
        return isReachable ? first + second : second + first
    }
}

extension DNSResolver {
    private static let localhost = Name("localhost")!

    /// A host's name as DNS has it; nil for what is none.
    static func hostName(_ text: String) -> Name? {
        isHostName(text) ? Name(text) : nil
    }

    /// Whether a text has nothing but letters, digits, hyphens, underscores and dots in it, as names of hosts do.
    static func isHostName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
                default: false
                }
            }
    }

    /// The name under which an address has its names (RFC 1035 3.5, RFC 3596 2.5).
    static func reverseName(of address: IPAddress) throws(WireError) -> Name {
        let bytes = address.bytes.reversed()
        switch address.family {
        case .v4:
            return try Name(labels: bytes.map { Array("\($0)".utf8) } + [Array("in-addr".utf8), Array("arpa".utf8)])
        case .v6:
            let digits = bytes.flatMap { [$0 & 15, $0 >> 4] }.map { Array(String($0, radix: 16).utf8) }
            return try Name(labels: digits + [Array("ip6".utf8), Array("arpa".utf8)])
        }
    }
}
