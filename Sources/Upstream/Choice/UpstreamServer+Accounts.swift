package import Observation

extension UpstreamServer {
    /// Reads what questions to it hold: tries, places on connections that are waited for, ports and connections.
    package func readAccounts(_ read: Account.Reader) {
        read(Account("tries of upstreams", exchangeCount, of: Self.mostExchanges))
        read(Account("tries that wait for a connection", waiting.count, of: Self.mostWaiting))
        read(Account("ports of one question", ownPortCount, of: PortUse.mostOpen))
        read(Account("shared ports", datagrams.openCount, of: datagrams.limit))
        read(Account("connections to an upstream", streams.openCount, of: streams.limit))
    }
}
