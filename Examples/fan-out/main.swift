// A crawler in small: a site of 100 pages, each of which takes 20 ms, fetched by ten greenlets of a pool.
import Green

/// A site on a port of this machine: answers each line with the page of that name, slowly.
func serveSite() throws -> SocketAddress {
    let address = SocketAddress(.loopback, port: 0)
    let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
    let server = try StreamServer(listener: listener, limit: 100) { connection in
        let name = try connection.read(upTo: 100)
        try sleep(.milliseconds(20))
        try connection.write(Array("page ".utf8) + name)
    }
    server.start()
    return server.address
}

/// The page of that number, within a second.
func fetch(_ number: Int, from site: SocketAddress) throws -> String {
    try withTimeout(.seconds(1)) { _ in
        let connection = try StreamSocket.connect(to: site, until: .never)
        try connection.write(Array("\(number)".utf8))
        return String(decoding: try connection.read(upTo: 1000), as: UTF8.self)
    }
}

let hub = Hub(loop: LibeventLoop())
try hub.run {
    let site = try serveSite()
    let pool = Pool(size: 10)
    let begin = hub.loop.now()
    var count = 0
    for page in pool.mapUnordered(0..<100, { try fetch($0, from: site) }) {
        _ = try page.get()
        count += 1
    }
    let took = begin.duration(to: hub.loop.now())
    print("\(count) pages in \(took / .milliseconds(1)) ms, one after the other they would have taken 2000")
}
