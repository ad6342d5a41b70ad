/// The names of machines in a simulated world.
public final class VirtualNames: NameAccess {
    private let known = Locked<[String: [IPAddress]]>(["localhost": [.loopbackV6, .loopback]])

    init() {}

    /// Says which addresses a name has, in that order; none: it is not known.
    public func set(_ name: String, _ addresses: [IPAddress]) {
        known.withLock { $0[name] = addresses.isEmpty ? nil : addresses }
    }

    /// As ``NameAccess`` says.
    public func addresses(of name: String) throws(SocketError) -> [IPAddress] {
        guard let addresses = known.withLock({ $0[name] }) else { throw .notFound }
        return addresses
    }

    /// As ``NameAccess`` says; the first in the order of the alphabet where there are several.
    public func name(of address: IPAddress) throws(SocketError) -> String {
        guard let name = known.withLock({ known in known.filter { $0.value.contains(address) }.keys.min() }) else {
            throw .notFound
        }
        return name
    }
}
