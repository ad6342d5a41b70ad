// DNSWire: DNS messages as bytes and as values. Pure: no I/O, no clock, no unchecked memory.
//
// There are three ways to deal with a message, each for its place:
//
// - `QueryView` reads what a client asks into plain values, without allocation: the path of a hit. It says what to do
//   with the message (answer, refuse with an rcode, drop) instead of throwing.
// - `MessageView` and its `RecordCursor` walk over any message in place. A `RecordView` knows where its TTL and rdata
//   stand; a `NameView` follows compression. Nothing is copied.
// - `Message` owns everything, typed: for tests, tools and whatever is not in a hurry.
//
// Writing is `MessageBuilder`'s: into a buffer of the caller's, never beyond it. `MessagePatch` and `OPTReply` change a
// finished answer where it stands.
//
// A query for `WWW.example.com A`: `QueryView.read` checks header and counts, copies the name in lower case into its
// fixed buffer, finds OPT, hashes. On a hit, the cache's bytes are copied out, `MessagePatch` sets id, flags, the
// client's letters and the TTLs, `OPTReply` appends OPT. On a miss, the upstream's reply is walked with `MessageView`
// and its records are appended to a `MessageBuilder` one by one.
//
// Invariants: a view never reads outside its span (it would trap, and the checks are made so that it does not come to
// that); pointers in names lead strictly backwards, so every walk ends; a builder's message is valid after each append.
// Input can only cause a `WireError`, never a trap.
