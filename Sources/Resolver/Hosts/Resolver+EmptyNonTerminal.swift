internal import DNSWire
internal import Upstream

extension Resolver {
    /// An upstream's NXDOMAIN for an empty non-terminal of the hosts file becomes NODATA: by RFC 8020 a client may conclude
    /// from it that the names below, which are answered from the file, do not exist. Where the name is an alias upstream, it
    /// is something, and the reply stays.
    func withoutDenialOfHosts(_ reply: UpstreamReply, of name: Span<UInt8>, _ recordClass: RecordClass) -> UpstreamReply {
        guard recordClass == .internet, let hosts = unsafe hosts, reply.bytes.count >= MessageView.headerLength,
            reply.bytes[3] & 0x0F == UInt8(truncatingIfNeeded: ResponseCode.nxDomain.rawValue),
            reply.bytes[6] == 0, reply.bytes[7] == 0, hosts.isEmptyNonTerminal(name)
        else { return reply }
        var bytes = reply.bytes
        bytes[3] &= 0xF0
        return UpstreamReply(bytes: bytes, upstream: reply.upstream, transport: reply.transport)
    }
}
