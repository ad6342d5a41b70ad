internal import Glibc
internal import Green
internal import Resolver

/// The process that has a port which this one would take, as far as this process may look (proc(5)).
struct PortHolder: Sendable, CustomStringConvertible {
    /// Its number.
    let pid: Int32
    /// What it calls itself.
    let name: String

    /// No longer table of sockets is read, and so many of its sockets and so many descriptors of processes are looked at.
    private static let (mostBytes, mostSockets, mostDescriptors) = (4 << 20, 256, 200_000)

    /// Looks for who keeps an address and port from being taken; nil where nobody is seen. Blocks.
    init?(of address: SocketAddress, isDatagram: Bool) {
        let tables = isDatagram ? ["/proc/self/net/udp", "/proc/self/net/udp6"] : ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        var sockets: Set<String> = []
        for table in tables {
            guard let bytes = try? TextFile(table, limit: Self.mostBytes).readBytes() else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            sockets.formUnion(Self.sockets(in: text, inTheWayOf: address, isDatagram: isDatagram))
        }
        guard !sockets.isEmpty else { return nil }
        var left = Self.mostDescriptors
        let processes = Self.names(in: "/proc", atMost: left).compactMap { Int32($0) }.filter { $0 != getpid() }
        for process in processes.sorted() where left > 0 {
            let directory = "/proc/\(process)/fd"
            let descriptors = Self.names(in: directory, atMost: left)
            left -= descriptors.count
            guard descriptors.contains(where: { Self.target(of: "\(directory)/\($0)").map(sockets.contains) == true }) else {
                continue
            }
            let bytes = try? TextFile("/proc/\(process)/comm", limit: 64).readBytes()
            (pid, name) = (process, String(decoding: (bytes ?? []).prefix { $0 != 0x0A }, as: UTF8.self))
            return
        }
        return nil
    }

    /// A process with a number and a name.
    init(pid: Int32, name: String) {
        (self.pid, self.name) = (pid, name)
    }

    /// `dnsmasq (pid 123)`; a name with more than plain letters in quotes.
    var description: String {
        let isPlain =
            !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C }
        return "\(isPlain ? name : quoted(name)) (pid \(pid))"
    }

    /// The sockets of a table of the kernel that keep others from an address, as links to them read: of TCP those that listen.
    static func sockets(in table: String, inTheWayOf address: SocketAddress, isDatagram: Bool) -> Set<String> {
        var sockets: Set<String> = []
        for line in table.split(separator: "\n").dropFirst() where sockets.count < mostSockets {
            let columns = line.split(separator: " ", maxSplits: 10)
            guard columns.count > 9, isDatagram || columns[3] == "0A", let other = Self.address(columns[1]) else { continue }
            guard other.port == address.port, let inode = UInt64(columns[9]), inode != 0 else { continue }
            let (one, two) = (address.ip.unmapped, other.ip.unmapped)
            if one == two || one.isWildcard || two.isWildcard { sockets.insert("socket:[\(inode)]") }
        }
        return sockets
    }

    /// An address as `0100007F:0035`: words of the machine's own order, in hexadecimal digits.
    private static func address(_ text: Substring) -> SocketAddress? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
        var words: [UInt64] = []
        var digits = parts[0]
        while !digits.isEmpty, words.count < 5 {
            guard let word = UInt32(digits.prefix(8), radix: 16) else { return nil }
            words.append(UInt64(UInt32(bigEndian: word)))
            digits = digits.dropFirst(8)
        }
        switch words.count {
        case 1: return SocketAddress(IPAddress(v4: UInt32(truncatingIfNeeded: words[0])), port: port)
        case 4: return SocketAddress(IPAddress(v6High: words[0] << 32 | words[1], low: words[2] << 32 | words[3]), port: port)
        default: return nil
        }
    }

    /// The names in a directory, but for those that begin with a dot; none of one that may not be read.
    private static func names(in directory: String, atMost count: Int) -> [String] {
        guard let handle = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while names.count < count, let entry = unsafe readdir(handle) {
            // SAFETY: the name ends with a zero byte, and the entry stays until the next is read.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// What a symbolic link says.
    private static func target(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = unsafe readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}

/// Who has the ports that settings name, seen while that may be seen: a process that has given up writing (`Sandbox`) may not look
/// into others any more.
package struct PortHolders: Sendable {
    /// Where a port is taken, and for what.
    private struct Port: Hashable {
        let address: SocketAddress
        let isDatagram: Bool
    }

    private var holders: [Port: PortHolder] = [:]

    /// Looks now. Blocks. Nobody is looked for where systemd has handed sockets over, which it has itself.
    package init(of settings: Settings) {
        guard unsafe getenv("LISTEN_FDS") == nil else { return }
        let addresses = settings.allAddresses + [settings.http].compactMap(\.self)
        for address in addresses.prefix(64) {
            for isDatagram in [true, false] {
                holders[Port(address: address, isDatagram: isDatagram)] = PortHolder(of: address, isDatagram: isDatagram)
            }
        }
    }

    /// An error that says that a port is not free, with who has it; all others as they are.
    package func named(_ error: DaemonError) -> DaemonError {
        guard case .listen(let address, let transport, .addressInUse) = error,
            let holder = holders[Port(address: address, isDatagram: transport == "udp")]
        else { return error }
        return .portInUse(address, transport, by: "\(holder)")
    }
}
