import DNSWire
import Green
import Synchronization
import Testing

@testable import GreenDNS

/// Servers that are dead, slow or hostile, files that cannot be read, and more questions than can be asked.
@Suite struct HardshipTests {
    @Test func `no more is asked at once than the limit, and what nobody waits for ends`() throws {
        var options = DNSResolverOptions()
        options.flightLimit = 10
        try withZone(options) { resolver, zone, _ throws in
            _ = try resolver.addresses(of: "www.example.")
            zone.asked = []
            zone.change = { _, _ in nil }
            let (hub, before) = (Hub.current, Hub.current.greenletCount)
            var outcomes: [String: Int] = [:]
            try withGreenlets { scope throws in
                for number in 0..<100 {
                    scope.spawn { () throws in
                        do throws(any Error) {
                            _ = try resolver.addresses(of: "n\(number).example.", until: .in(.milliseconds(100)))
                        } catch DNSError.overloaded {
                            outcomes["overloaded", default: 0] += 1
                        } catch DNSError.timedOut {
                            outcomes["timed out", default: 0] += 1
                        }
                    }
                }
                try sleep(.milliseconds(50))
                // Five names with two families each, and who asks for them.
                #expect(hub.greenletCount == before + 15)
            }
            #expect(outcomes == ["overloaded": 95, "timed out": 5])
            try sleep(.milliseconds(1))
            #expect(hub.greenletCount == before)
            try sleep(.seconds(10))
            #expect(zone.asked.count == 10)
            zone.change = { reply, _ in reply }
            #expect(try resolver.addresses(of: "alias.example.").count == 3)
        }
    }

    @Test func `one question has an end, whatever the settings say, and a time-out is remembered for some seconds`() throws {
        var options = DNSResolverOptions()
        var settings = DNSSettings(servers: [SocketAddress(IPAddress("192.0.2.53")!, port: 53)])
        (settings.attempts, settings.timeout) = (-5, .seconds(-1))
        #expect(settings.attempts == 1 && settings.timeout == .milliseconds(1))
        (settings.attempts, settings.timeout) = (.max, .seconds(1 << 40))
        #expect(settings.attempts == 5 && settings.timeout == .seconds(30))
        (options.settings, options.longestFlight) = (settings, .seconds(3))
        try withZone(options) { resolver, zone, _ throws in
            zone.change = { _, _ in nil }
            let begin = Instant.now
            #expect(throws: DNSError.timedOut("www.example.")) { try resolver.addresses(of: "www.example.") }
            #expect(Instant.now - begin < .seconds(4))
            zone.change = { reply, _ in reply }
            let asked = zone.asked.count
            #expect(throws: DNSError.timedOut("www.example.")) { try resolver.addresses(of: "www.example.") }
            #expect(zone.asked.count == asked)
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "www.example.").count == 3)
        }
    }

    @Test(arguments: [RecordType.aaaa, .a]) func `a family whose answers are lost keeps nobody from the other`(_ lost: RecordType)
        throws
    {
        try withZone { resolver, zone, world throws in
            let web = world.addHost("web", [ResolverTests.www[0], ResolverTests.wwwV6])
            HubGroup(starter: world).start(name: "web", loop: { web.makeLoop() }) {
                let address = SocketAddress(lost == .a ? ResolverTests.wwwV6 : ResolverTests.www[0], port: 80)
                let listener = try Hub.current.loop.listen(.stream, at: address, options: ListenOptions())
                try StreamServer(listener: listener, limit: 5) { try $0.write("hello") }.serveForever()
            }
            zone.change = { reply, _ in reply.questions[0].type == lost ? nil : reply }
            for _ in 0..<3 {
                let begin = Instant.now
                let socket = try resolver.connect(toHost: "www.example.", port: 80, until: .in(.milliseconds(900)))
                #expect(try BufferedReader(socket).readAll() == Array("hello".utf8))
                #expect(Instant.now - begin < .milliseconds(200))
            }
            // One flight for each, and the late one goes on by itself.
            #expect(zone.asked.count == 2)
            try sleep(.seconds(2) + .milliseconds(500))
            let begin = Instant.now
            #expect(try !resolver.addresses(of: "www.example.").isEmpty)
            #expect(Instant.now == begin)
        }
    }

    @Test func `a file that cannot be read keeps its former contents, and is read when it can be`() throws {
        let reports = Mutex<[String]>([])
        var hubOptions = HubOptions()
        hubOptions.report = { _, error in reports.withLock { $0.append("\(error)") } }
        try withZone(hubOptions: hubOptions) { resolver, _, world throws in
            let files = world.host.files
            files.setFailure(.permissionDenied, of: "/etc/hosts")
            #expect(throws: SocketError.permissionDenied) { try resolver.addresses(of: "printer") }
            #expect { try resolver.addresses(of: "printer") } throws: { "\($0)".hasPrefix("/etc/hosts: ") }
            files.setFailure(nil, of: "/etc/hosts")
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "printer") == [IPAddress("192.0.2.77")!])
            for path in ["/etc/hosts", "/etc/resolv.conf"] {
                files.write(path, "192.0.2.78 printer")
                files.setFailure(.permissionDenied, of: path)
            }
            for _ in 0..<3 {
                try sleep(.seconds(6))
                #expect(try resolver.addresses(of: "printer") == [IPAddress("192.0.2.77")!])
            }
            #expect(reports.withLock { $0 } == ["/etc/hosts: permission denied"])
            files.write("/etc/hosts", [UInt8](repeating: 10, count: 5 << 20))
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "printer") == [IPAddress("192.0.2.77")!])
            files.write("/etc/hosts", "192.0.2.79 printer")
            try sleep(.seconds(6))
            #expect(try resolver.addresses(of: "printer") == [IPAddress("192.0.2.79")!])
            files.write("/etc/hosts", [UInt8](repeating: 10, count: 5 << 20))
            let other = DNSResolver()
            #expect { try other.addresses(of: "printer") } throws: { "\($0)".contains("/etc/hosts: read: File too large") }
        }
    }

    @Test func `a disk that hangs holds up the first look-up until its deadline, and later ones for a moment`() throws {
        try withZone { resolver, _, world throws in
            let usual = world.jobTime
            world.jobTime = .seconds(10)...(.seconds(10))
            var begin = Instant.now
            #expect(throws: DNSError.timedOut("printer")) {
                try resolver.addresses(of: "printer", until: .in(.milliseconds(100)))
            }
            #expect(Instant.now - begin < .milliseconds(101))
            world.jobTime = usual
            try sleep(.seconds(11))
            #expect(try resolver.addresses(of: "printer").count == 1)
            world.jobTime = .seconds(10)...(.seconds(10))
            try sleep(.seconds(6))
            begin = Instant.now
            for _ in 0..<100 { #expect(try resolver.addresses(of: "printer").count == 1) }
            #expect(Instant.now - begin < .milliseconds(51))
            try sleep(.seconds(11))
        }
    }

    @Test func `a hosts file may be long, with many addresses of one name, and what is no name is left out`() {
        var text = "garbage\n10.0.0.1\n10.0.0.2 \0 a\u{FF}b " + String(repeating: "x", count: 300) + " ok #no\r\n\n::1\tsix\n"
        for number in 0..<20_000 { text += "10.1.\(number / 256).\(number % 256) many\n10.1.0.0 MANY\n" }
        let table = HostsTable(Array(text.utf8))
        #expect(table.addresses[Name("many")!]?.count == 20_000)
        #expect(table.addresses[Name("ok")!] == [IPAddress("10.0.0.2")!] && table.names[IPAddress("::1")!] == "six")
        #expect(table.addresses.count == 3)
    }

    @Test func `an answer by aliases that the server does not follow is kept as long as each of them`() throws {
        try withZone { resolver, zone, _ throws in
            zone.follows = false
            #expect(try resolver.addresses(of: "alias.example.").count == 3)
            #expect(zone.asked.count == 4)
            try sleep(.seconds(99))
            #expect(try resolver.addresses(of: "alias.example.").count == 3)
            #expect(zone.asked.count == 4)
            try sleep(.seconds(2))
            #expect(try resolver.addresses(of: "alias.example.").count == 3)
            #expect(zone.asked.count == 8)
        }
    }

    private func answer(of records: Int = 1) throws -> DNSAnswer {
        var reply = Message()
        let name = Name("www.example")!
        reply.answers = (0..<records).map { ResourceRecord(name, ttl: 300, .a(.init(address: UInt32($0)))) }
        return try DNSAnswer(reply, to: Question(name, .a))
    }

    @Test func `what is kept has a bound in number and bytes, and what is renewed counts as new`() throws {
        func question(_ number: Int) -> Question { Question(Name("n\(number).example")!, .a) }
        let (now, one) = (Instant(nanoseconds: 1_000), try answer())
        let end = now + .seconds(100)
        var table = AnswerTable(limit: 2, bytes: 1 << 20)
        for number in [1, 2, 1, 3] { table.keep(one, for: question(number), until: end) }
        #expect([1, 2, 3].map { table.find(question($0), at: now) != nil } == [true, false, true])
        for _ in 0..<1_000 { table.keep(one, for: question(1), until: end) }
        #expect([1, 3].allSatisfy { table.find(question($0), at: now) != nil })
        #expect(table.find(question(1), at: end) == nil && table.find(question(1), at: now) == nil)
        let cost = try #require(one.cost)
        var small = AnswerTable(limit: 1_000, bytes: 3 * cost)
        for number in 0..<10 { small.keep(one, for: question(number), until: end) }
        #expect((0..<10).filter { small.find(question($0), at: now) != nil } == [7, 8, 9])
        // What is larger than all the room, or has too many records, is not kept, and drives nothing out.
        small.keep(try answer(of: 256), for: question(20), until: end)
        table.keep(try answer(of: 257), for: question(21), until: end)
        #expect(small.find(question(20), at: now) == nil && table.find(question(21), at: now) == nil)
        #expect((0..<10).filter { small.find(question($0), at: now) != nil } == [7, 8, 9])
    }

    @Test func `each query has its own id and letters, and a reply with other letters is asked for over TCP`() throws {
        try withZone { resolver, zone, _ throws in
            var (ids, overTCP) = ([UInt16](), 0)
            zone.change = { reply, isStream in
                var reply = reply
                ids.append(reply.id)
                if isStream {
                    overTCP += 1
                } else {
                    reply.questions[0].name = reply.questions[0].name.lowercased
                }
                return reply
            }
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            #expect(overTCP == 2 && Set(ids).count == 4)
            #expect(Set(zone.asked.map(\.name.wire)).count == 4)
            #expect(try resolver.records(of: Name("www.example")!, .a).allSatisfy { "\($0.owner)" == "www.example." })
        }
    }

    @Test func `replies with another id lead to TCP, and one that is cut is believed of its own question alone`() throws {
        try withZone { resolver, zone, _ throws in
            var overTCP = 0
            zone.change = { reply, isStream in
                if isStream { overTCP += 1 }
                return reply
            }
            zone.strays = 3
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            #expect(overTCP == 0)
            resolver.forget()
            zone.strays = 20
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            #expect(overTCP == 2)
            zone.strays = 0
            zone.change = { reply, isStream in
                if isStream { overTCP += 1 }
                var reply = reply
                (reply.questions[0].name, reply.flags.isTruncated) = (Name("other.example")!, true)
                return reply
            }
            #expect(throws: DNSError.timedOut("text.example.")) { try resolver.addresses(of: "text.example.") }
            #expect(overTCP == 2)
        }
    }

    @Test func `what was asked before all was forgotten is not kept`() throws {
        try withZone { resolver, zone, _ throws in
            _ = try? resolver.addresses(of: "text.example.")
            zone.asked = []
            try withGreenlets { scope throws in
                let early = scope.spawn { try resolver.addresses(of: "www.example.") }
                while zone.asked.isEmpty { try sleep(.microseconds(10)) }
                resolver.forget()
                #expect(try early.get().count == 3)
            }
            let before = zone.asked.count
            #expect(try resolver.addresses(of: "www.example.").count == 3)
            #expect(zone.asked.count == before + 2)
        }
    }

    @Test func `settings without a server are an error of their own`() throws {
        var options = DNSResolverOptions()
        options.settings = DNSSettings(servers: [])
        try withZone(options) { resolver, _, _ throws in
            #expect(throws: DNSError.noServers("www.example.")) { try resolver.addresses(of: "www.example.") }
            #expect(throws: DNSError.noServers("www.example.")) { try resolver.records(of: Name("www.example")!, .txt) }
        }
    }
}
