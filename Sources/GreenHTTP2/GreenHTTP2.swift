// GreenHTTP2: HTTP/2 for greenlets, by nghttp2, over any byte stream.
//
//     let client = try HTTP2Client(over: tlsSocket)                       // ALPN "h2" was agreed on
//     let request = HTTP2Fields([(":method", "GET"), (":scheme", "https"), (":authority", "example.com"), (":path", "/")])
//     let response = try client.send(request, until: soon)                // waits; others send meanwhile
//
//     HTTP2Server.serve(stream) { request in HTTP2Response(status: 200, body: …) }
//
// nghttp2 never sees a socket. `HTTP2Engine` is one connection's HTTP/2 without the connection: bytes go in and come out by
// calls, none of which waits, and what came is a queue of events:
//
//     ByteStream.read       waits for the peer, while the hub runs others
//     HTTP2Engine.receive   nghttp2 takes the bytes; its callbacks put events into a queue, and switch no greenlets
//     HTTP2Engine.next      gives them one by one: a whole message, a stream that failed, the peer's farewell
//     HTTP2Engine.output    what is to be sent, which a greenlet of its own writes
//
// Invariants: what a peer can make grow has a limit (`HTTP2Limits`): streams, header bytes, bodies of one stream and of all.
// Frames that carry nothing (pings, settings, resets, empty ones) are counted against the messages that come; who sends too
// many of them is told to calm down, and the connection ends.
