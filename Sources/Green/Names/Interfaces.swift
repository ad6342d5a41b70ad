internal import CGreen
internal import Glibc

/// The network interfaces of this machine.
package enum Interfaces {
    /// The addresses of all interfaces that are up, with the lengths of their prefixes. May block for some microseconds.
    package static func addresses() -> [(address: IPAddress, prefixLength: Int)] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var addresses: [(address: IPAddress, prefixLength: Int)] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            guard unsafe entry.pointee.ifa_flags & UInt32(IFF_UP) != 0,
                let address = unsafe self.address(entry.pointee.ifa_addr),
                let mask = unsafe self.address(entry.pointee.ifa_netmask), mask.family == address.family
            else { continue }
            addresses.append((address, mask.high.nonzeroBitCount + mask.low.nonzeroBitCount))
        }
        return addresses
    }

    /// An address as the kernel wrote it; nil where there is none, or one of another family.
    private static func address(_ raw: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
        guard let raw = unsafe raw else { return nil }
        // SAFETY: the family says how long what stands there is.
        switch unsafe Int32(raw.pointee.sa_family) {
        case AF_INET:
            let address = unsafe UnsafeRawPointer(raw).loadUnaligned(as: sockaddr_in.self)
            return IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let words = unsafe UnsafeRawPointer(raw).loadUnaligned(fromByteOffset: 8, as: SIMD2<UInt64>.self)
            return IPAddress(v6High: UInt64(bigEndian: words.x), low: UInt64(bigEndian: words.y))
        default:
            return nil
        }
    }
}
