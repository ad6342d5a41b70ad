// Tests of the built program against real servers and clients. Each test makes what it needs and nothing outlives it:
// processes are killed and reaped, directories removed, when their objects go away.
//
//     let nsd = try NSDServer()                                   // the signed root zone, and zones of the tests' own
//     let vireo = try VireoServer(upstreams: [nsd.address])       // the program, on a free port
//     let reply = try vireo.ask("example.types.", .mx, over: .tcp)
//
// One test at a time: several of them measure, and all of them share the machine with the servers they start.

import Testing

/// The suite that all end-to-end tests belong to.
@Suite(.serialized) enum EndToEnd {}
