package import Upstream

/// Whom to ask about one domain and all below it.
package struct ForwardRule: Sendable, Equatable {
    /// The top of the domain, in presentation format.
    package var domain = ""
    /// Whom to ask instead of the general upstreams.
    package var upstreams: [UpstreamAddress] = []

    /// A rule that is yet to be filled in.
    package init() {}
}
