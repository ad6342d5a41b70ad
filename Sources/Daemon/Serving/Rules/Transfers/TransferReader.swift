internal import DNSWire

/// Reads the records of a transfer in the order in which they come (AXFR: RFC 5936 2.2; IXFR: RFC 1995 4), and says what each does.
struct TransferReader {
    /// What a record does.
    enum Effect: Equatable {
        /// It is of the zone.
        case add
        /// It is of the zone no more.
        case remove
        /// It says which version comes, or ends something.
        case none
    }

    private enum Stage: Equatable {
        case first, second, full, removing, adding, done
    }

    /// The zone.
    private let zone: Name
    /// The version that is there already; nil where all of it was asked for.
    private let known: UInt32?
    private var stage = Stage.first
    /// The version that an incremental transfer has come to.
    private var reached: UInt32 = 0
    /// What the first record says of the new version.
    private(set) var times: ZoneTimes?
    /// Whether only what has changed comes.
    private(set) var isIncremental = false
    private var count = 0

    /// A transfer has no more records.
    private static let mostRecords = 10_000_000

    /// A transfer of a zone of which a version is known, or none.
    init(_ zone: Name, known: UInt32?) { (self.zone, self.known) = (zone, known) }

    /// Whether the last record has come.
    var isDone: Bool { stage == .done }

    /// A primary that has nothing new sends its SOA record alone: all that came says so.
    var isCurrent: Bool { stage == .second && known != nil && times?.serial == known }

    /// Takes the next record.
    mutating func take(_ record: borrowing RecordView) throws(DownloadProblem) -> Effect {
        count += 1
        guard count <= Self.mostRecords else { throw .tooLarge }
        let soa = try record.type == .soa ? Self.times(record, zone) : nil
        switch stage {
        case .first:
            guard let soa else { throw .transfer("it does not begin with the zone's SOA record") }
            (times, stage) = (soa, .second)
        case .second:
            if let soa, soa.serial == known, soa.serial != times?.serial {
                (isIncremental, stage, reached) = (true, .removing, soa.serial)
            } else if let soa {
                guard soa.serial == times?.serial else { throw .transfer("its SOA records differ") }
                stage = .done
            } else {
                stage = .full
                return .add
            }
        case .full:
            guard let soa else { return .add }
            guard soa.serial == times?.serial else { throw .transfer("the zone has changed while it came") }
            stage = .done
        case .removing:
            guard let soa else { return .remove }
            guard ZoneTimes.isLater(soa.serial, than: reached) else { throw .transfer("its versions go backwards") }
            (stage, reached) = (.adding, soa.serial)
        case .adding:
            guard let soa else { return .add }
            if soa.serial == times?.serial, reached == soa.serial {
                stage = .done
            } else {
                guard soa.serial == reached else { throw .transfer("its versions do not follow one another") }
                stage = .removing
            }
        case .done: throw .transfer("something follows its end")
        }
        return .none
    }

    /// What an SOA record says; throws for one of another zone.
    static func times(_ record: borrowing RecordView, _ zone: Name) throws(DownloadProblem) -> ZoneTimes {
        let owner = Name(record.owner)
        guard owner == zone, let data = try? RecordData(record), case .soa(let soa) = data else {
            throw .transfer("it has an SOA record that is not the zone's")
        }
        return ZoneTimes(serial: soa.serial, refresh: soa.refresh, retry: soa.retry, expire: soa.expire)
    }
}
