import Green
import Testing

/// What a test's hub stands on. Tests that need no kernel run on both.
enum World: CaseIterable, CustomTestStringConvertible {
    case libevent
    case simulated

    var testDescription: String { self == .libevent ? "on libevent" : "simulated" }
}

/// Runs `body` as the root greenlet of a fresh hub, on libevent or in a simulated world of its own. The hub must be
/// idle afterwards.
@discardableResult
func onHub<Success>(
    _ world: World = .libevent, _ options: HubOptions = HubOptions(), _ body: @escaping (Hub) throws -> Success
) throws -> Success {
    let simulated = VirtualWorld(seed: 1)
    let loop: any Loop = world == .libevent ? LibeventLoop() : simulated.host.makeLoop()
    let hub = Hub(loop: loop, options: options)
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

/// An error to throw and to recognize.
struct Failure: Error, Equatable {
    var number = 0
}

extension Hub {
    /// A moment so far from now that only a test that fails gets there.
    var soon: Instant { loop.now().advanced(by: .seconds(20)) }
}
