extension LibeventLoop {
    /// libevent's own base, for protocols of libevent at the edge of a program (evhttp). Their callbacks run while the
    /// loop waits, outside of any greenlet: they must not wait, but may spawn and wake.
    package var eventBase: OpaquePointer { unsafe base }
}
