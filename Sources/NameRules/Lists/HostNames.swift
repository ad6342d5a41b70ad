internal import DNSWire

/// Names that hosts files give to the host itself and to groups of hosts. No list denies them, whatever its format: published
/// ones have such lines from the hosts files that they were made of.
package enum HostNames {
    /// Whether a word behind an address of a hosts file, or of what stands for one, is such a name. There the address of nobody
    /// and the domain of multicast DNS are meant so as well.
    static func isInHosts(_ word: Span<UInt8>) -> Bool {
        guard TextLine.find(word, 0x2E) == nil else {
            return TextLine.equals(word, "localhost.localdomain") || TextLine.equals(word, "0.0.0.0")
                || TextLine.equals(word, "127.0.0.1")
        }
        if word.count == 5 { return TextLine.equals(word, "local") }
        return isOfHost(label: word)
    }

    /// Whether a name in wire form, lower case, is the host's own.
    package static func contains(_ wire: Span<UInt8>) -> Bool {
        // Nearly all names of lists are shorter than the one and longer than the others.
        guard wire.count > 10, wire.count < 24 else { return false }
        let first = Int(wire[0])
        guard first >= 9, first < 16, first + 1 < wire.count else { return false }
        let label = wire.extracting(1..<first + 1)
        if first + 2 == wire.count { return isOfHost(label: label) }
        return wire.count == 23 && first == 9 && wire[10] == 11 && TextLine.equals(label, "localhost")
            && TextLine.equals(wire.extracting(11..<22), "localdomain")
    }

    /// Whether a name of one label is the host's own.
    private static func isOfHost(label: Span<UInt8>) -> Bool {
        switch label.count {
        case 9: TextLine.equals(label, "localhost")
        case 12:
            TextLine.equals(label, "ip6-loopback") || TextLine.equals(label, "ip6-localnet")
                || TextLine.equals(label, "ip6-allnodes") || TextLine.equals(label, "ip6-allhosts")
        case 13: TextLine.equals(label, "broadcasthost") || TextLine.equals(label, "ip6-localhost")
        case 14: TextLine.equals(label, "ip6-allrouters")
        case 15: TextLine.equals(label, "ip6-mcastprefix")
        default: false
        }
    }
}
