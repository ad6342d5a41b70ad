// Looks up names by DNS on a hub's own sockets, where `lookUp` of Green asks the machine's resolver on a thread.
//
//     let resolver = DNSResolver()
//     let addresses = try resolver.addresses(of: "www.example.org", until: .in(.seconds(3)))
//     let socket = try resolver.connect(toHost: "www.example.org", port: 443, until: .in(.seconds(5)))
//
// A look-up walks like this: an address is its own; a name of the hosts file has the addresses there (`HostsTable`); else each name
// that the search list makes of it is tried in turn (`DNSSettings`), A and AAAA at the same time. What is known already comes from
// the cache (`AnswerTable`); else the first that asks begins a flight, a greenlet of its own, which all others wait for. It asks the
// servers in turn (`DNSExchange`), over UDP from a port of its own, over TCP where an answer is cut, and follows aliases. Where one
// family has answered, the other has 50 ms left (RFC 8305 3); its flight goes on, for the cache.
//
// Invariants: of a reply only the chain from the question's name counts. Every loop over something from outside has a bound; so have
// flights, in number and in time, and one that nobody waits for any more ends. Files are read on threads (`FollowedFile`), and again
// when they change. All of it runs in a simulated world.

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
    /// About how many bytes the answers that are kept may take. One of more than 256 records is not kept.
    public var cacheBytes = 4 << 20
    /// How many questions may wait for servers at once: each has a socket and a greenlet. What is beyond is `overloaded`.
    public var flightLimit = 1_000
    /// The longest that one question is asked of servers, whatever `timeout` and `attempts` say.
    public var longestFlight = Duration.seconds(30)
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
    private var flights: [Question: Flight] = [:]
    /// Flights that have not ended; `forget` leaves them out of `flights`.
    private var flightCount = 0
    /// How often all was forgotten.
    private var era = 0
    /// Whether this machine has a route to an address, for some seconds.
    private var routes: [IPAddress: (isThere: Bool, end: Instant)] = [:]
    /// How many questions were asked of servers.
    public private(set) var askedCount: UInt64 = 0

    /// A resolver that has read nothing yet.
    public init(_ options: DNSResolverOptions = DNSResolverOptions(), hub: Hub = .current) {
        self.options = options
        self.hub = hub
        let pause = options.followsFiles
        settings = FollowedFile(options.settings == nil ? options.resolvConf : nil, each: pause, hub: hub) {
            DNSSettings(resolvConf: String(decoding: $0, as: UTF8.self))
        }
        hosts = FollowedFile(options.hosts, each: pause, hub: hub) { HostsTable($0) }
        known = AnswerTable(limit: options.cacheLimit, bytes: options.cacheBytes)
    }

    // MARK: - Looking up

    /// The addresses of a host, those first that this machine has a route to, IPv6 before IPv4. An address is its own; `localhost`
    /// and what is below it are this machine (RFC 6761 6.3).
    ///
    /// Throws ``DNSError``: `timedOut` where nothing was known by `deadline`; the `SocketError` of a file that could never be read; or
    /// the interruption of the wait.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func addresses(of host: String, until deadline: Instant = .never) throws -> [IPAddress] {
        check()
        if let address = IPAddress(host) { return [address] }
        guard let name = Self.hostName(host), !name.isRoot else { throw DNSError.noSuchName(host) }
        do {
            if let listed = try hosts.value(until: deadline).addresses[name] { return listed }
            if name.isSubdomain(of: Self.localhost) { return [.loopbackV6, .loopback] }
            let settings = try currentSettings(until: deadline)
            return try search(for: settings.candidates(for: name, isAbsolute: host.hasSuffix(".")), settings, deadline)
        } catch let error as DNSError {
            throw error.of(host)
        }
    }

    /// The addresses of the first of some names that has any.
    private func search(for candidates: [Name], _ settings: DNSSettings, _ deadline: Instant) throws -> [IPAddress] {
        var failure = DNSError.noSuchName("")
        for candidate in candidates {
            let (found, reason) = try bothFamilies(of: candidate, settings, deadline)
            if !found.isEmpty { return inOrder(found) }
            // That a name has no addresses says more than that another one does not exist.
            if reason.rank > failure.rank { failure = reason }
            // A server that does not answer for one name will not for the next.
            if reason.rank >= DNSError.timedOut("").rank { break }
        }
        throw failure
    }

    /// The records of that type that a name has, at the end of its aliases; none where it has none. The search list and the hosts
    /// file have no part in it. Throws as `addresses(of:until:)` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func records(of name: Name, _ type: RecordType, until deadline: Instant = .never) throws -> [ResourceRecord] {
        check()
        do {
            let begun = begin(Question(name, type), try currentSettings(until: deadline))
            defer { leave(begun) }
            let answer = try wait(for: begun, until: deadline)
            if answer.outcome == .noSuchName { throw DNSError.noSuchName("") }
            return answer.records
        } catch let error as DNSError {
            throw error.of("\(name)")
        }
    }

    /// The names of an address: of the hosts file, else of its PTR records. Who controls the address chooses them, so that they prove
    /// nothing; what is no name of a host is left out. Throws as `addresses(of:until:)` does.
    @available(*, noasync, message: "it waits as a greenlet does; from async code use HubMailbox.call")
    public func names(of address: IPAddress, until deadline: Instant = .never) throws -> [String] {
        check()
        do {
            if let listed = try hosts.value(until: deadline).names[address] { return [listed] }
        } catch let error as DNSError {
            throw error.of("\(address)")
        }
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

    /// Forgets all answers, also those to questions that are on their way.
    public func forget() {
        check()
        known = AnswerTable(limit: options.cacheLimit, bytes: options.cacheBytes)
        // Who waits for one already has its answer; nobody joins it, and it is not kept.
        flights = [:]
        routes = [:]
        era += 1
    }

    // MARK: - Parts

    /// Traps where another hub's greenlets use it.
    private func check() {
        require(Hub.current === hub, "a resolver is used by greenlets of another hub")
    }

    private func currentSettings(until deadline: Instant) throws -> DNSSettings {
        try options.settings ?? settings.value(until: deadline)
    }

    /// So long after the first family has answered the other one is waited for (RFC 8305 3).
    private static let familyPatience = Duration.milliseconds(50)

    /// The addresses of one name, asked for side by side, and why there are none.
    private func bothFamilies(
        of name: Name, _ settings: DNSSettings, _ deadline: Instant
    ) throws -> (found: [IPAddress], reason: DNSError) {
        let begun = [RecordType.aaaa, .a].map { type in begin(Question(name, type), settings) }
        defer { for each in begun { leave(each) } }
        var limit = deadline
        if case .asking(let one) = begun[0], case .asking(let other) = begun[1] {
            _ = try select(
                [.ready(one.greenlet) { true }, .ready(other.greenlet) { true }], until: deadline, hub: hub)
        }
        let isFound = begun.contains { $0.answer.map { !$0.addresses.isEmpty } ?? false }
        if isFound { limit = min(deadline, hub.loop.now().advanced(by: Self.familyPatience)) }
        var (found, reason) = ([IPAddress](), DNSError.noSuchName(""))
        for each in begun {
            do {
                let answer = try wait(for: each, until: limit)
                found += answer.addresses
                let said = answer.outcome == .noSuchName ? DNSError.noSuchName("") : .noAddress("")
                if said.rank > reason.rank { reason = said }
            } catch let error as DNSError {
                if error.rank > reason.rank { reason = error }
                // It is late, but may be of use to the next.
                if isFound, case .asking(let flight) = each { flight.runsOn = true }
            }
        }
        return (found, reason)
    }

    /// A question that servers are asked, and how many wait for the answer.
    private final class Flight {
        let question: Question
        /// Asks; set as soon as it is there.
        var greenlet: Greenlet<Result<DNSAnswer, any Error>>!
        var waiting = 0
        /// Whether it goes on though nobody waits.
        var runsOn = false

        init(_ question: Question) { self.question = question }
    }

    /// What is known of a question, or who finds out.
    private enum Begun {
        case known(Result<DNSAnswer, DNSError>)
        case asking(Flight)

        /// The answer, where it is there.
        var answer: DNSAnswer? {
            switch self {
            case .known(let result): try? result.get()
            case .asking(let flight): try? flight.greenlet.value?.get()
            }
        }
    }

    /// What is known of a question, or a flight for it; `leave` is to follow.
    private func begin(_ question: Question, _ settings: DNSSettings) -> Begun {
        if let found = known.find(question, at: hub.loop.now()) { return .known(found) }
        if let flight = flights[question] {
            flight.waiting += 1
            return .asking(flight)
        }
        guard flightCount < options.flightLimit else { return .known(.failure(.overloaded(""))) }
        let (flight, era) = (Flight(question), era)
        flight.waiting = 1
        flight.greenlet = hub.spawn(name: "dns \(question)") { () -> Result<DNSAnswer, any Error> in
            Result { try self.find(question, settings, era) }
        }
        // One that could not begin has no end either, at which it would be taken out.
        guard !flight.greenlet.isDone else { return .asking(flight) }
        flights[question] = flight
        flightCount += 1
        // Not in its work, for one that is killed before it begins does none.
        flight.greenlet.link { [weak flight] in
            self.flightCount -= 1
            if let flight { self.takeOut(flight) }
        }
        return .asking(flight)
    }

    /// Has nobody join a flight any more.
    private func takeOut(_ flight: Flight) {
        if flights[flight.question] === flight { flights[flight.question] = nil }
    }

    /// Waits for a flight no more: the last one ends it.
    private func leave(_ begun: Begun) {
        guard case .asking(let flight) = begun else { return }
        flight.waiting -= 1
        guard flight.waiting == 0, !flight.runsOn, !flight.greenlet.isDone else { return }
        takeOut(flight)
        flight.greenlet.kill()
    }

    private func wait(for begun: Begun, until deadline: Instant) throws -> DNSAnswer {
        switch begun {
        case .known(let result): return try result.get()
        case .asking(let flight):
            guard let result = try flight.greenlet.get(until: deadline) else { throw DNSError.timedOut("") }
            return try result.get()
        }
    }

    /// How many times an alias is followed by another question.
    private static let aliasLimit = 8

    /// So long it is remembered that no server answered (RFC 9520 3.2).
    private static let failureLife = Duration.seconds(5)

    /// Finds the answer, and keeps it, or that there was none in time, unless all was forgotten meanwhile.
    private func find(_ question: Question, _ settings: DNSSettings, _ era: Int) throws -> DNSAnswer {
        do {
            let answer = try follow(question, settings)
            if era == self.era { known.keep(answer, for: question, until: moment(after: answer.life)) }
            return answer
        } catch let error as DNSError {
            if era == self.era, error.saysTimeout {
                known.keep(error, for: question, until: hub.loop.now().advanced(by: Self.failureLife))
            }
            throw error
        }
    }

    /// Asks, and follows aliases that the server has left open.
    private func follow(_ question: Question, _ settings: DNSSettings) throws -> DNSAnswer {
        let end = hub.loop.now().advanced(by: options.longestFlight)
        let exchange = DNSExchange(hub: hub, settings: settings, end: end)
        var (name, life) = (question.name, UInt32.max)
        var passed: Set<Name> = [name]
        for _ in 0..<Self.aliasLimit {
            let asked = Question(name, question.type)
            var answer = try DNSAnswer(try exchange.ask(asked) { self.askedCount += 1 }, to: asked)
            life = min(life, answer.life)
            guard answer.isOpen else {
                answer.life = life
                return answer
            }
            name = answer.target
            guard passed.insert(name).inserted else { throw DNSAnswer.circle }
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
        return hasRoute(to: one) ? first + second : second + first
    }

    /// How long it is believed that there is a route, and to how many addresses.
    private static let (routeLife, routeLimit) = (Duration.seconds(5), 64)

    /// Whether this machine has a route to an address: a connected socket says so, without sending anything.
    private func hasRoute(to address: IPAddress) -> Bool {
        let now = hub.loop.now()
        if let route = routes[address], now < route.end { return route.isThere }
        let socket = try? DatagramSocket(hub: hub, connectedTo: SocketAddress(address, port: 53))
        socket?.close()
        if routes.count >= Self.routeLimit { routes = [:] }
        routes[address] = (socket != nil, now.advanced(by: Self.routeLife))
        return socket != nil
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
