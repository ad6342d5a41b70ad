package import DNSWire
package import GreenTLS
package import Upstream

/// What a resolver answers by itself, and whom it asks: plain values, replaced as a whole when they change.
package struct Policy: Sendable {
    /// An upstream with the number that it is known by.
    package struct Upstream: Sendable, Hashable {
        /// Where it is.
        package var address: UpstreamAddress
        /// Its number in the cache, the same as long as the daemon knows the address.
        package var id: UInt16
        /// What an encrypted one is spoken to with.
        package var tls: TLSContext?

        /// An upstream under a number.
        package init(_ address: UpstreamAddress, id: UInt16, tls: TLSContext? = nil) {
            self.address = address
            self.id = id
            self.tls = tls
        }

        /// Whether both are the same, and are spoken to with the same certificates.
        package static func == (left: Upstream, right: Upstream) -> Bool {
            left.id == right.id && left.address == right.address && left.tls === right.tls
        }

        /// Feeds the number, which is no two upstreams'.
        package func hash(into hasher: inout Hasher) { hasher.combine(id) }
    }

    /// Whom to ask about a domain and all below it.
    package struct Route: Sendable, Equatable {
        /// The domain's wire form, lower-cased.
        package var domain: [UInt8]
        /// Whom to ask, in this order.
        package var upstreams: [Upstream]
        /// Who of them is asked first.
        package var choice = ForwardPolicy()
        /// Who is asked what is true where an answer is suspicious.
        package var verifiers: [Upstream] = []

        /// A route for a domain; `[0]`, the root, is for all that no other route is for.
        package init(domain: [UInt8], upstreams: [Upstream]) {
            self.domain = domain
            self.upstreams = upstreams
        }
    }

    /// Groups of clients with upstreams of their own, and all other groups that have the same: what one view was answered is not
    /// another's.
    package struct View: Sendable, Equatable {
        /// What its answers are kept under.
        package var number: ViewNumber
        /// Whom to ask about all names but those of domains that have routes.
        package var route: Route

        /// A view.
        package init(_ number: ViewNumber, _ route: Route) {
            self.number = number
            self.route = route
        }
    }

    /// Views besides the general one, for which the routes say whom to ask.
    package var views: [View] = []
    /// The view of each group of the rules, by the group's number.
    package var groupViews: [ViewNumber] = []
    /// Whom to ask; of those whose domain fits, the longest wins.
    package var routes: [Route] = []
    /// Who is asked for the addresses of upstreams that are known by name; none of them is.
    package var bootstrap: [Upstream] = []
    /// How long one try may take.
    package var tryLimit = Duration.seconds(2)
    /// Domains whose answers are kept in ways of their own; of those that fit, the longest wins.
    package var domains: [DomainRule] = []
    /// Which names are answered here rather than forwarded.
    package var localZones = LocalZones()
    /// How long a client waits for a better answer than a stale one (RFC 8767 5); zero for not at all.
    package var staleClientTimeout = Duration.milliseconds(1800)
    /// Whether answers that are asked for often are asked for anew before their time is over.
    package var prefetches = false
    /// Whether positive answers go without what a client does not need of them (`minimal-responses`).
    package var hasMinimalResponses = true
    /// The longest answer over UDP, from 512 to 4096 bytes (`max-udp-size`).
    package var largestDatagram = 1232
    /// Names that are answered without asking.
    package var hosts: HostsTable?
    /// Names by rule, where there are rules.
    package var rules: RuleBook?
    /// Who hears from the primaries of zones that these have changed; nil where nobody does.
    package var notified: NotifyHandler?
    /// How this server speaks encrypted, where clients may be told.
    package var designated: DesignatedResolvers?
    /// How many questions of one domain may be asked at once.
    package var flightsOfDomain = Int.max
    /// What is done with DNS cookies.
    package var cookies = ServerCookies()
    /// The answer to `version.bind` and its like in class CHAOS; refused where there is none.
    package var version: String?
    /// The answer to `id.server` and its like.
    package var identity: String?

    /// Its domains, to be found by name, once `makeIndex` was called.
    private(set) var index: DomainIndex?

    /// A policy that asks nobody.
    package init() {}

    /// The routes of domains, and those of views.
    var allRoutes: [Route] { routes + views.map(\.route) }

    /// All who are asked but for bootstrap resolvers, each as often as it is named.
    var allUpstreams: [Upstream] { allRoutes.flatMap { $0.upstreams + $0.verifiers } }

    /// The upstream with a number; nil for one of earlier settings, or of another instance.
    func upstream(numbered number: UInt16) -> Upstream? {
        for route in routes { if let found = route.upstream(numbered: number) { return found } }
        for view in views { if let found = view.route.upstream(numbered: number) { return found } }
        return nil
    }

    /// Makes the index of its domains, which is the last that is done to it: once, not by each worker between two queries.
    package mutating func makeIndex() { index = DomainIndex(self) }
}

/// Answers messages of opcode NOTIFY (RFC 1996), on any worker's thread, without waiting.
package struct NotifyHandler: Sendable {
    /// Given the message, its client (`IPAddress.number`), and the time in seconds since 1970; gives the answer.
    let answer: @Sendable (_ message: [UInt8], _ client: UInt128, _ seconds: Int64) -> [UInt8]

    /// A handler.
    package init(_ answer: @escaping @Sendable (_ message: [UInt8], _ client: UInt128, _ seconds: Int64) -> [UInt8]) {
        self.answer = answer
    }
}

extension Policy.Route {
    /// The upstream with a number.
    fileprivate func upstream(numbered number: UInt16) -> Policy.Upstream? {
        upstreams.first { $0.id == number } ?? verifiers.first { $0.id == number }
    }
}
