internal import Glibc
internal import Green
internal import NameRules

/// Which addresses the machines have that this one has seen in its networks: the kernel's neighbour table. What was seen once is
/// remembered until another machine has the address, so that nobody changes groups by being silent.
struct Neighbours: Equatable, Sendable {
    /// Addresses with the machines that have them.
    private(set) var machines: [NameRules.IPAddress: HardwareAddress] = [:]

    /// The machines as they are written, by the addresses that clients ask from (`IPAddress.number`).
    var names: [UInt128: String] {
        Dictionary(machines.map { ($0.number, "\($1)") }) { first, _ in first }
    }

    /// So many addresses of one machine are remembered: a machine has some, and makes new ones up (RFC 8981).
    static let mostOfMachine = 64
    /// Where the kernel shows IPv4's: also to a process that sees nothing of /proc but processes (ProcSubset=pid).
    static let path = "/proc/self/net/arp"
    /// So long may that be.
    private static let sizeLimit = 4 << 20
    /// Kinds of messages of rtnetlink(7) and netlink(7): a neighbour, the question for all of them, the end, an error.
    private static let newNeighbour: UInt32 = 28
    private static let getNeighbours: UInt8 = 30
    private static let failed: UInt32 = 2
    private static let done: UInt32 = 3

    /// Takes in what the kernel says of some machines. Blocks.
    mutating func look(for wanted: Set<HardwareAddress>, _ files: any FileAccess, messages: () -> [UInt8]) {
        let text = (try? files.read(Self.path, limit: Self.sizeLimit)) ?? []
        take(Self.ofTable(text) + Self.ofMessages(messages()), wanted)
    }

    /// Takes in which machines have which addresses.
    mutating func take(_ found: [(address: NameRules.IPAddress, machine: HardwareAddress)], _ wanted: Set<HardwareAddress>) {
        var counts: [HardwareAddress: Int] = [:]
        for machine in machines.values { counts[machine, default: 0] += 1 }
        for (address, machine) in found where machines[address] != machine {
            if let former = machines.removeValue(forKey: address) { counts[former, default: 1] -= 1 }
            guard wanted.contains(machine), counts[machine, default: 0] < Self.mostOfMachine else { continue }
            machines[address] = machine
            counts[machine, default: 0] += 1
        }
        machines = machines.filter { wanted.contains($0.value) }
    }

    /// What the kernel's table of IPv4 says: address, kind, flags, hardware address, mask, device.
    static func ofTable(_ bytes: [UInt8]) -> [(address: NameRules.IPAddress, machine: HardwareAddress)] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().compactMap { line in
            let words = line.split(separator: " ")
            // Bit 1: the entry is complete.
            guard words.count == 6, words[2].hasPrefix("0x"), let flags = UInt32(words[2].dropFirst(2), radix: 16),
                flags & 2 != 0, let address = NameRules.IPAddress(words[0]), let machine = HardwareAddress(words[3]),
                machine.bits != 0
            else { return nil }
            return (address, machine)
        }
    }

    /// What the kernel's messages about IPv6 say (RTM_NEWNEIGH of rtnetlink(7)): a header of 16 bytes, of 12 about the neighbour,
    /// and attributes.
    static func ofMessages(_ bytes: [UInt8]) -> [(address: NameRules.IPAddress, machine: HardwareAddress)] {
        var found: [(address: NameRules.IPAddress, machine: HardwareAddress)] = []
        var start = 0
        while start + 16 <= bytes.count {
            let length = Int(number(bytes, at: start, 4))
            guard length >= 16, start + length <= bytes.count else { break }
            if number(bytes, at: start + 4, 2) == newNeighbour, length >= 28, bytes[start + 16] == UInt8(AF_INET6),
                let one = neighbour(bytes, from: start + 28, to: start + length)
            {
                found.append(one)
            }
            start += (length + 3) & ~3
        }
        return found
    }

    /// The address and the machine that attributes name: kind 1 and 2 of them.
    private static func neighbour(
        _ bytes: [UInt8], from start: Int, to end: Int
    ) -> (address: NameRules.IPAddress, machine: HardwareAddress)? {
        var address: NameRules.IPAddress?
        var machine: HardwareAddress?
        var position = start
        while position + 4 <= end {
            let length = Int(number(bytes, at: position, 2))
            guard length >= 4, position + length <= end else { break }
            let value = bytes[(position + 4)..<(position + length)]
            switch (number(bytes, at: position + 2, 2), value.count) {
            case (1, 16):
                let halves = [value.prefix(8), value.suffix(8)].map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
                address = NameRules.IPAddress(high: halves[0], low: halves[1])
            case (2, 6): machine = HardwareAddress(value)
            default: break
            }
            position += (length + 3) & ~3
        }
        guard let address, let machine, machine.bits != 0 else { return nil }
        return (address, machine)
    }

    /// A number in this machine's order.
    private static func number(_ bytes: [UInt8], at position: Int, _ count: Int) -> UInt32 {
        let all = (0..<count).map { UInt32(bytes[position + $0]) }
        #if _endian(little)
        return all.reversed().reduce(0) { $0 << 8 | $1 }
        #else
        return all.reduce(0) { $0 << 8 | $1 }
        #endif
    }

    /// The kernel's messages about neighbours over IPv6; nothing where it says nothing. Blocks for some microseconds, a second
    /// at most.
    static func messages() -> [UInt8] {
        let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        // A header: length, RTM_GETNEIGH, a request for all of them; then of whom.
        var request = [UInt8](repeating: 0, count: 28)
        store(28, 4, in: &request, at: 0)
        store(UInt32(getNeighbours), 2, in: &request, at: 4)
        // A request for all there are.
        store(0x301, 2, in: &request, at: 6)
        request[16] = UInt8(AF_INET6)
        guard unsafe send(descriptor, request, request.count, 0) == request.count else { return [] }
        var messages: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while messages.count < sizeLimit {
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 16 else { break }
            messages += buffer[..<count]
            if isLast(buffer, count) { break }
        }
        return messages
    }

    /// Whether the end of the kernel's answer, or an error, is among messages.
    private static func isLast(_ bytes: [UInt8], _ count: Int) -> Bool {
        var start = 0
        while start + 16 <= count {
            let kind = number(bytes, at: start + 4, 2)
            if kind == done || kind == failed { return true }
            let length = Int(number(bytes, at: start, 4))
            guard length >= 16 else { return true }
            start += (length + 3) & ~3
        }
        return false
    }

    /// Writes a number in this machine's order.
    private static func store(_ value: UInt32, _ count: Int, in bytes: inout [UInt8], at position: Int) {
        for index in 0..<count {
            #if _endian(little)
            let shift = 8 * index
            #else
            let shift = 8 * (count - 1 - index)
            #endif
            bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt32(shift))
        }
    }
}
