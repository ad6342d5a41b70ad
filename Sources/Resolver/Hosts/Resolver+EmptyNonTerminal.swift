internal import Belief
internal import DNSWire
internal import Upstream

extension Resolver {
    /// An upstream's NXDOMAIN for an empty non-terminal of the hosts file becomes NODATA: by RFC 8020 a client may conclude
    /// from it that the names below, which are answered from the file, do not exist. Where the name is an alias upstream, it
    /// is something, and the reply stays.
    func withoutDenialOfHosts(_ reply: UpstreamReply, of name: Span<UInt8>, _ recordClass: RecordClass) -> UpstreamReply {
        guard recordClass == .internet, let hosts = unsafe hosts, reply.answer.isForAllTypes, hosts.isEmptyNonTerminal(name)
        else { return reply }
        return UpstreamReply(reply.answer.asNoData(), upstream: reply.upstream, transport: reply.transport)
    }
}
