// GreenTLS: TLS for greenlets, by OpenSSL 3.
//
//     let context = try TLSContext.client()                           // once: the system's certificates, all checks on
//     let stream = try StreamSocket.connect(toHost: "example.com", port: 443, until: soon)
//     let socket = try TLSSocket.connect(over: stream, host: "example.com", context: context, until: soon)
//     try socket.write(request, until: soon)
//
// OpenSSL never sees a socket. It reads from one buffer in memory and writes to another, and `TLSSocket` carries bytes
// between these and any `ByteStream`:
//
//     TLSSocket.read        asks the engine; it has no plain bytes yet
//     TLSEngine.read        SSL_read: wants input
//     ByteStream.read       waits for the peer, while the hub runs others
//     TLSEngine.feed        hands it what came, and SSL_read gives plain bytes
//     TLSSocket.flush       carries off what OpenSSL wants to say by itself: key updates, alerts
//
// Invariants: nothing waits inside a call of OpenSSL. Its queue of errors, which belongs to the thread and so to all
// greenlets, is empty before each call and read right after one that failed. A certificate is checked, its name too,
// unless the options say otherwise.
