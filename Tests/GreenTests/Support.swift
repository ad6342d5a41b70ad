import Green
import Testing

/// Runs `body` as the root greenlet of a fresh hub on libevent, which must be idle afterwards.
@discardableResult
func onHub<Success>(_ options: HubOptions = HubOptions(), _ body: @escaping (Hub) throws -> Success) throws -> Success {
    let hub = Hub(loop: LibeventLoop(), options: options)
    let result = try hub.run { try body(hub) }
    #expect(hub.greenletCount == 0)
    return result
}

/// An error to throw and to recognize.
struct Failure: Error, Equatable {
    var number = 0
}
