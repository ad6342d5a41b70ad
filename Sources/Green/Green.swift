// Green: coroutines that are written like blocking code and run on one event loop, thousands at a time.
//
// A greenlet is a function with a stack of its own. It runs on its hub's thread until it waits: for a moment to
// come, an event, a socket. Then the hub runs whoever else is ready, and when nobody is, its loop waits for events.
// No greenlet is ever interrupted between two waits, so plain variables need no locks.
//
//     let hub = Hub(loop: LibeventLoop())
//     try hub.run {
//         let server = try StreamServer(listener: hub.loop.listen(.stream, at: address, options: .init()), limit: 100) {
//             while case let line = try $0.read(upTo: 4096), !line.isEmpty { try $0.write(line) }
//         }
//         server.start()
//         try sleep(.seconds(60))
//     }
//
// What holds throughout:
//  - A greenlet stays on its hub's thread for life. What other threads want done there they post to its mailbox.
//  - Every wait can throw an `Interruption`. A stack is left by throwing through it, never by freeing it.
//  - State that greenlets share while they switch lives in raw memory (`HubCore`, `GreenletRecord`,
//    `SocketRecord`): Swift's exclusivity checks would take a switch inside an access for a violation.
//  - Everything that is not a pure function of its input passes through the `Loop`, so that tests can simulate it.
