/// How a group of upstreams is asked: a plain value.
package struct ForwardPolicy: Sendable, Hashable {
    /// Who is asked first.
    package enum Order: String, Sendable, Hashable, CaseIterable {
        /// The first that is well, in the configured order.
        case ordered
        /// The faster of two that are picked at random.
        case fastest
        /// All that are well, at once; the first good answer counts.
        case parallel
    }

    /// Who is asked first.
    package var order = Order.ordered
    /// So many of the upstreams, at the end of the list, are asked only where all others are down.
    package var fallbackCount = 0
    /// So many of a thousand questions may be asked of a second upstream where the first is late.
    package var hedgePermille = 50
    /// What makes an answer of plain DNS suspicious, where there is somebody to verify it.
    package var suspicions = Suspicions()
    /// Answers with these addresses say that the name does not exist, or are waited past.
    package var bogus = AddressRanges()

    /// Ordered, without fallbacks, with some hedging.
    package init() {}
}
