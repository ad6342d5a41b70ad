package import CGreen
internal import Glibc

/// An address and a port: where a socket is, or whom it talks to.
public struct SocketAddress: Sendable, Hashable {
    /// The address.
    public var ip: IPAddress
    /// The port in host order.
    public var port: UInt16

    /// The given address and port.
    public init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Where a Unix socket is, as far as addresses and ports can tell: `0.0.0.0:0`.
    public static let unnamed = SocketAddress(.any, port: 0)

    /// Reads `192.0.2.1:53`, `192.0.2.1`, `[2001:db8::1]:53` or `2001:db8::1`; nil for anything else.
    public init?(_ text: some StringProtocol, defaultPort: UInt16) {
        let text = Substring(text)
        var host = text
        var portText: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard host.contains(":"), rest.isEmpty || rest.first == ":" else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        guard let ip = IPAddress(host) else { return nil }
        self.init(ip, port: defaultPort)
        if let portText {
            guard portText.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(portText) else { return nil }
            self.port = port
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:53` or `[2001:db8::1]:53`.
    public var description: String {
        ip.family == .v4 ? "\(ip):\(port)" : "[\(ip)]:\(port)"
    }
}

extension SocketAddress {
    /// The address as the kernel wants it.
    package var raw: green_address {
        var address = green_address()
        switch ip.family {
        case .v4:
            unsafe address.v4.sin_family = sa_family_t(AF_INET)
            unsafe address.v4.sin_port = port.bigEndian
            unsafe address.v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.low).bigEndian
        case .v6:
            unsafe address.v6.sin6_family = sa_family_t(AF_INET6)
            unsafe address.v6.sin6_port = port.bigEndian
            unsafe address.v6.sin6_scope_id = ip.scope
            unsafe withUnsafeMutableBytes(of: &address.v6.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: ip.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                unsafe bytes.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
        return address
    }

    /// The address that the kernel gave; nil when it is of another family.
    package init?(_ raw: green_address) {
        switch Int32(unsafe raw.v4.sin_family) {
        case AF_INET:
            let bits = unsafe UInt32(bigEndian: raw.v4.sin_addr.s_addr)
            self.init(IPAddress(v4: bits), port: unsafe UInt16(bigEndian: raw.v4.sin_port))
        case AF_INET6:
            let halves = unsafe withUnsafeBytes(of: raw.v6.sin6_addr) { bytes in
                unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            let scope = unsafe raw.v6.sin6_scope_id
            let ip = IPAddress(v6High: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1), scope: scope)
            self.init(ip, port: unsafe UInt16(bigEndian: raw.v6.sin6_port))
        default:
            return nil
        }
    }
}
