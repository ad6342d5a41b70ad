internal import Glibc

/// One direction of a stream: pieces on their way, in order, and bytes that arrived and were not read yet.
final class VirtualPipe {
    /// What travels.
    enum Piece {
        case bytes([UInt8])
        case end
        case reset
    }

    /// How long a piece that gets lost waits before it is sent again, the first time and at most; and when the
    /// sender gives up.
    static let firstRetry: UInt64 = 200_000_000
    static let longestRetry: UInt64 = 10_000_000_000
    static let patience: UInt64 = 120_000_000_000

    private unowned let world: VirtualWorld
    private let from: VirtualHost
    private let to: VirtualHost
    /// The ends that are still open.
    weak var writer: VirtualStream?
    weak var reader: VirtualStream?
    private var flight: [(piece: Piece, arrival: UInt64)] = []
    private var received: [UInt8] = []
    private var consumed = 0
    /// Bytes on their way or unread.
    private var outstanding = 0
    private var lastArrival: UInt64 = 0
    private var isPlanned = false
    private(set) var isAtEnd = false

    init(from: VirtualHost, to: VirtualHost) {
        world = unsafe from.world
        self.from = from
        self.to = to
    }

    /// Bytes that can be read at once.
    var unread: Int { received.count - consumed }

    /// Nothing arrives before that moment: the connection is being made.
    func holdBack(until moment: UInt64) {
        lastArrival = max(lastArrival, moment)
    }

    /// Takes as much as fits: how many bytes, or -EAGAIN.
    func write(_ buffer: UnsafeRawBufferPointer) -> Int {
        let link = world.conditions(from, to)
        var count = min(buffer.count, link.streamWindow - outstanding)
        if count <= 0 { return unsafe buffer.isEmpty ? 0 : -Int(EAGAIN) }
        if count > 1, world.generator.chance(link.shortCalls) { count = Int.random(in: 1...count, using: &world.generator) }
        outstanding += count
        var start = 0
        while start < count {
            let size = min(count - start, link.segment)
            unsafe append(.bytes(Array(buffer[start..<start + size])))
            start += size
        }
        world.note("stream sent", Int(writer?.number ?? 0), count)
        return count
    }

    /// Puts a piece on its way, behind those before it.
    func append(_ piece: Piece) {
        let link = world.conditions(from, to)
        var delay = world.generator.nanoseconds(in: link.latency)
        var retry = Self.firstRetry
        while world.generator.chance(min(link.loss, 0.9)) {
            delay += retry
            retry = min(retry * 2, Self.longestRetry)
        }
        lastArrival = max(lastArrival, world.clock + delay)
        flight.append((piece, lastArrival))
        plan(at: lastArrival, retry: Self.firstRetry, since: nil)
    }

    /// Copies what there is, and lets the writer know later that there is room.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let link = world.conditions(from, to)
        var count = min(buffer.count, unread)
        if count > 1, world.generator.chance(link.shortCalls) { count = Int.random(in: 1...count, using: &world.generator) }
        unsafe received.withUnsafeBytes { bytes in
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[consumed..<consumed + count]))
        }
        consumed += count
        if consumed == received.count {
            received.removeAll(keepingCapacity: true)
            consumed = 0
        }
        let wasFull = outstanding >= link.streamWindow
        outstanding -= count
        if wasFull {
            world.plan(after: world.generator.nanoseconds(in: link.latency)) { [weak self] in
                self?.writer?.signal(writable: true)
            }
        }
        return count
    }

    private func plan(at moment: UInt64, retry: UInt64, since: UInt64?) {
        guard !isPlanned else { return }
        isPlanned = true
        world.agenda.add(at: moment) { [self] in
            isPlanned = false
            deliver(retry: retry, since: since)
        }
    }

    /// Lets the first piece arrive. While the link is cut it is sent again and again, until the sender gives up.
    private func deliver(retry: UInt64, since: UInt64?) {
        guard let next = flight.first else { return }
        if world.isCut(from, to) {
            let begun = since ?? world.clock
            if world.clock - begun >= Self.patience {
                flight = []
                writer?.breakOff(ETIMEDOUT)
            } else {
                plan(at: world.clock + retry, retry: min(retry * 2, Self.longestRetry), since: begun)
            }
            return
        }
        flight.removeFirst()
        arrive(next.piece)
        if let following = flight.first {
            plan(at: max(following.arrival, world.clock), retry: Self.firstRetry, since: nil)
        }
    }

    private func arrive(_ piece: Piece) {
        let link = world.conditions(from, to)
        if case .bytes = piece, world.generator.chance(link.resets) {
            world.note("stream broken", Int(reader?.number ?? 0))
            reader?.breakOff(ECONNRESET)
            writer?.breakOff(ECONNRESET)
            flight = []
            return
        }
        guard let reader else {
            // Nobody reads there any more: bytes are answered with a reset.
            if case .bytes = piece {
                world.plan(after: world.generator.nanoseconds(in: link.latency)) { [weak self] in
                    self?.writer?.breakOff(ECONNRESET)
                }
            }
            return
        }
        switch piece {
        case .bytes(let bytes):
            world.note("stream arrived", Int(reader.number), bytes.count)
            received.append(contentsOf: bytes)
            reader.signal(readable: true)
        case .end:
            world.note("stream ended", Int(reader.number))
            isAtEnd = true
            reader.signal(readable: true)
        case .reset:
            reader.breakOff(ECONNRESET)
        }
    }
}
