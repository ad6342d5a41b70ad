internal import CGreen
internal import CLibevent
internal import Glibc

extension LibeventLoop {
    /// As ``Loop`` says. The hub's own thread lets the signals in, for others may all block them (those of libdispatch do);
    /// what it starts then blocks none of them either. See signals.c.
    @discardableResult
    public func onSignals(
        _ signals: [Int32], _ handler: @escaping (Int32) -> Void
    ) throws(SocketError) -> SignalWatch {
        let watch = SignalWatch(signals, handler)
        if signalPlace < 0 { try openSignalPlace() }
        signalWatches.append(watch)
        admit(signals)
        for number in signals {
            let failure = green_signal_want(signalPlace, number)
            if failure != 0 {
                end(watch)
                throw SocketError(errno: -failure, call: "sigaction")
            }
        }
        return watch
    }

    /// As ``Loop`` says.
    public func end(_ watch: SignalWatch) {
        guard let index = signalWatches.firstIndex(where: { $0 === watch }) else { return }
        signalWatches.remove(at: index)
        for number in watch.signals where !signalWatches.contains(where: { $0.signals.contains(number) }) {
            green_signal_forget(signalPlace, number)
            shutOut(number)
        }
        if signalWatches.isEmpty { endSignals() }
    }

    /// Has this thread take these signals.
    private func admit(_ signals: [Int32]) {
        var (wanted, before) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&wanted)
        for number in signals { unsafe sigaddset(&wanted, number) }
        unsafe pthread_sigmask(SIG_UNBLOCK, &wanted, &before)
        for number in signals where unsafe sigismember(&before, number) == 1 { admittedSignals.insert(number) }
    }

    /// Has this thread block a signal again that it blocked before.
    private func shutOut(_ number: Int32) {
        guard admittedSignals.remove(number) != nil, unsafe hub.map({ unsafe green_current_hub() == $0.core }) ?? false else {
            return
        }
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, number)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private func openSignalPlace() throws(SocketError) {
        var descriptor: Int32 = -1
        let place = unsafe green_signal_place(&descriptor)
        guard place >= 0 else { throw SocketError(errno: -place, call: "eventfd") }
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let event = unsafe event_new(
            base, descriptor, Int16(EV_READ) | Int16(EV_PERSIST),
            { _, _, context in
                unsafe Unmanaged<LibeventLoop>.fromOpaque(context!).takeUnretainedValue().tellSignals()
            }, context)
        guard let event = unsafe event, unsafe event_add(event, nil) == 0 else {
            if let event = unsafe event { unsafe event_free(event) }
            green_signal_leave(place)
            throw SocketError(errno: ENOMEM, call: "epoll_ctl")
        }
        signalPlace = place
        unsafe signalEvent = event
    }

    private func tellSignals() {
        guard signalPlace >= 0 else { return }
        let came = green_signal_take(signalPlace)
        for number in 1...64 as ClosedRange<Int32> where came & (1 << UInt64(number - 1)) != 0 {
            for watch in signalWatches where watch.signals.contains(number) { watch.handler(number) }
        }
    }

    /// Gives the place up, if there is one.
    func endSignals() {
        guard signalPlace >= 0 else { return }
        if let event = unsafe signalEvent { unsafe event_free(event) }
        unsafe signalEvent = nil
        green_signal_leave(signalPlace)
        signalPlace = -1
    }
}
