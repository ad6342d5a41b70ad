internal import DNSWire
internal import Green

/// What a hosts file says: hosts(5).
struct HostsTable {
    /// The addresses of each name, as they stand there.
    private(set) var addresses: [Name: [IPAddress]] = [:]
    /// The first name of each address.
    private(set) var names: [IPAddress: String] = [:]

    /// Reads the text of a file; what cannot be read is left out.
    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard let address = words.first.flatMap({ IPAddress($0) }) else { continue }
            for word in words.dropFirst() {
                guard let name = DNSResolver.hostName(String(word)), !name.isRoot else { continue }
                if names[address] == nil { names[address] = String(word) }
                if addresses[name]?.contains(address) != true { addresses[name, default: []].append(address) }
            }
        }
    }
}

/// The contents of a file, which is read at the first use and again when it has changed, on a thread.
final class FollowedFile<Value> {
    private let path: String?
    private let pause: Duration
    private let read: (String) -> Value
    private let lock: ReentrantLock
    private let hub: Hub
    private var content: Value?
    private var stamp: FileStamp?
    private var nextLook = Instant(nanoseconds: 0)

    /// A larger file is taken for an empty one.
    private let limit = 4 << 20

    /// A file that is looked at no more often than once in each pause; without a path, an empty one.
    init(_ path: String?, each pause: Duration, hub: Hub, _ read: @escaping (String) -> Value) {
        self.path = path
        self.pause = pause
        self.hub = hub
        self.read = read
        lock = ReentrantLock(hub: hub)
    }

    /// What is in it now, or was when it was last looked at; a file that cannot be read is empty. Throws the interruption of the wait.
    func value() throws -> Value {
        if let content, hub.loop.now() < nextLook { return content }
        return try lock.withLock {
            if let content, hub.loop.now() < nextLook { return content }
            let value = try current()
            nextLook = hub.loop.now().advanced(by: pause)
            content = value
            return value
        }
    }

    private func current() throws -> Value {
        guard let path else { return read("") }
        let (files, before, isRead, limit) = (hub.loop.files, stamp, content != nil, limit)
        let (found, bytes) = try blocking { () -> (FileStamp?, [UInt8]?) in
            let found = files.stamp(path)
            if isRead, found == before { return (found, nil) }
            return (found, (try? files.read(path, limit: limit)) ?? [])
        }
        stamp = found
        guard let bytes else { return content ?? read("") }
        return read(String(decoding: bytes, as: UTF8.self))
    }
}
