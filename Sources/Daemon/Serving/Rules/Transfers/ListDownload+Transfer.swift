internal import DNSWire
internal import Green
internal import NameRules

/// Zones that are transferred: kept as any list that is downloaded.
extension ListDownload {
    /// Asks the primaries of a zone in turn whether there is another version than the one that a record tells of, and keeps it;
    /// false where there is none. Waits.
    func transfer(
        _ source: TransferSource, _ keyPath: String?, after record: ListRecord, until deadline: Instant
    ) throws -> Bool {
        let files = files
        let key = try keyPath.map { path in try blocking { try TransferKey.read(path, files) } }
        var problem: (any Error)?
        for primary in source.primaries {
            do {
                return try transfer(source, primary, key, after: record, until: deadline)
            } catch let error as Interruption {
                throw error
            } catch {
                problem = problem ?? error
            }
        }
        throw problem ?? DownloadProblem.empty
    }

    private func transfer(
        _ source: TransferSource, _ primary: SocketAddress, _ key: TransferKey?, after record: ListRecord, until deadline: Instant
    ) throws -> Bool {
        let loop = Hub.current.loop
        let wall = { loop.wallTime() / 1_000_000_000 }
        var known = record.size > 0 ? record.times?.serial : nil
        while true {
            let transfer = ZoneTransfer(source: source, key: key, known: known)
            do {
                switch try transfer.run(primary, wall: wall, until: deadline) {
                case .current(let times):
                    var next = record
                    (next.times, next.checkedAt) = (times, wall())
                    let confirmed = next
                    try blocking { try write(confirmed) }
                    return false
                case .new(let times, let messages, let after):
                    var next = ListRecord()
                    (next.url, next.times, next.checkedAt) = (url.text, times, wall())
                    let begun = next
                    try blocking { try keep(source.zone, messages, after: after, begun) }
                    return true
                }
            } catch DownloadProblem.misfit where known != nil {
                // What is kept is not what the primary thinks: all of it, then.
                known = nil
            }
        }
    }

    /// Keeps a zone's text, and what is known of it. Blocks.
    private func keep(_ zone: Name, _ messages: [[UInt8]], after known: UInt32?, _ record: ListRecord) throws {
        var offset = 0
        let text = try ZoneText(zone, messages, known: known).text {
            let piece = try files.read(path, from: offset, count: 256 << 10)
            offset += piece.count
            return piece.isEmpty ? nil : piece
        }
        guard text.count <= Self.sizeLimit else { throw DownloadProblem.tooLarge }
        try ListDownload(url: url, format: .rpz, directory: directory, files: files).check(text)
        var next = record
        next.size = try keep(text)
        try write(next)
    }

    /// Keeps nothing of a zone any more, for nobody has confirmed it for too long (RFC 1035 3.3.13); gives what is known of it then.
    /// Blocks.
    func void(_ record: ListRecord) throws -> ListRecord {
        var next = record
        next.times = nil
        next.size = try keep(Array("; expired\n".utf8))
        try write(next)
        return next
    }
}
