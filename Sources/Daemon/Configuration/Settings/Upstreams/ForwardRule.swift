package import DNSWire
package import Upstream

/// Whom to ask about one domain and all below it.
package struct ForwardRule: Sendable, Equatable {
    /// The top of the domain.
    package var domain = Name.root
    /// Whom to ask instead of the general upstreams.
    package var upstreams: [UpstreamAddress] = []
    /// Who of them is asked, and when another.
    package var choice = ChoiceSettings()

    /// A rule that is yet to be filled in.
    package init() {}
}
