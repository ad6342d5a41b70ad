internal import Green
internal import Logging

/// Looks at something of the machine again and again (files, interfaces), and tells those who go by it when it has changed.
/// What goes wrong in a look or in the telling ends neither: it is said once, and tried again at the next look.
final class PeriodicLook {
    private let name: StaticString
    private let interval: Duration
    private let hub = Hub.current
    private let logger: Logger
    private var greenlet: Greenlet<Void>?
    /// Whether a change has not been told yet.
    private var isDue = false
    /// What went wrong last.
    private var trouble: String?

    /// Something that is looked at each `interval`.
    init(_ name: StaticString, every interval: Duration, _ logger: Logger) {
        self.name = name
        self.interval = interval
        self.logger = logger
    }

    /// Begins: `look` says whether there is something to `tell`. Both may wait.
    func start(_ look: @escaping () throws -> Bool, tell: @escaping () throws -> Void = {}) {
        greenlet = hub.spawn(name: "\(name)") { [weak self, hub, interval] in
            while true {
                try hub.sleep(until: hub.loop.now().advanced(by: interval))
                guard let self else { return }
                try once(look, tell)
            }
        }
    }

    /// Looks once. Only who ends the greenlet ends it.
    private func once(_ look: () throws -> Bool, _ tell: () throws -> Void) throws(Interruption) {
        do {
            if try look() { isDue = true }
            if isDue {
                try tell()
                isDue = false
            }
            if trouble != nil { logger.notice("looking works again", metadata: ["at": "\(name)"]) }
            trouble = nil
        } catch let error as Interruption {
            throw error
        } catch {
            let text = "\(error)"
            if text != trouble {
                logger.error("looking failed; it is tried again", metadata: ["at": "\(name)", "error": "\(text)"])
            }
            trouble = text
        }
    }

    /// Looks no more.
    func stop() {
        greenlet?.kill()
        greenlet = nil
    }
}
