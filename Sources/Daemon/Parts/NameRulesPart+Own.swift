internal import DNSWire
internal import Green
internal import Logging
internal import NameRules

/// Rules that an operator gives to the running daemon.
extension NameRulesPart {
    /// Why a rule is not taken.
    enum OwnRuleFault: Error {
        /// There are as many as may be, of them or of lists.
        case full
    }

    /// Reads what was kept of them; the daemon starts without them where they cannot be read, and says so.
    func readOwn() throws {
        let (path, files) = (settings.ownRulesPath, hub.loop.files)
        do {
            if let kept = try blocking({ try OwnRules.kept(path, files) }) { own = kept }
        } catch let error as SocketError {
            logger.warning(
                "rules that were added cannot be read; they are not in force",
                metadata: ["path": "\(path)", "problem": "\(error.reason)"])
        }
    }

    /// Puts a rule in force at once. Says why it is not kept over a restart, where it is not. Waits.
    func add(_ rule: OwnRules.Rule) throws -> String? {
        guard settings.lists.count < RuleSet.maximumLists, own.add(rule) else { throw OwnRuleFault.full }
        return try ownChanged()
    }

    /// Takes the rule for a name out of force; nil where there is none, else why that is not kept, or an empty text. Waits.
    func removeOwn(_ name: Name) throws -> String? {
        guard own.remove(name) else { return nil }
        return try ownChanged() ?? ""
    }

    /// Makes another book, and keeps the rules: why they are not kept, where they are not.
    private func ownChanged() throws -> String? {
        if try look() { changed() }
        let (path, files) = (settings.ownRulesPath, hub.loop.files)
        do {
            // Who writes last writes the newest.
            try turn.withLock {
                let bytes = own.bytes
                try blocking {
                    var pieces = [bytes]
                    try files.replace(path, over: { _ in .replaced }) { pieces.popLast() }
                }
            }
            return nil
        } catch let error as SocketError {
            return "\(path): \(error.reason)"
        }
    }
}
