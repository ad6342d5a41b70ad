internal import DNSWire

/// What a server says of how long a connection may idle (RFC 7828).
enum KeepaliveOption {
    /// The time in tenths of a second; nil where a reply does not say it.
    static func timeout(in reply: Span<UInt8>) -> UInt16? {
        guard let view = try? MessageView(reply), var records = try? view.records() else { return nil }
        do throws(WireError) {
            while let place = try records.nextPlace() {
                guard place.section == .additional, place.type == .opt else { continue }
                let summary = try EDNSSummary(reply, place)
                guard summary.version == 0 else { return nil }
                return timeout(in: reply, from: summary.optionsOffset, to: summary.optionsOffset + summary.optionsLength)
            }
        } catch {
            return nil
        }
        return nil
    }

    /// Looks through options that are known to fill their record.
    private static func timeout(in reply: Span<UInt8>, from start: Int, to end: Int) -> UInt16? {
        var position = start
        while position + 4 <= end {
            let length = Int(reply.loadUInt16(at: position + 2))
            if reply.loadUInt16(at: position) == EDNSOptionCode.tcpKeepalive.rawValue {
                return length == 2 && position + 6 <= end ? reply.loadUInt16(at: position + 4) : nil
            }
            position += 4 + length
        }
        return nil
    }
}
