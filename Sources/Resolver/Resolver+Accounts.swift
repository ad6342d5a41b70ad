internal import AnswerCache
internal import Green
package import Observation

extension Resolver {
    /// Where this worker is entered.
    package var holders: AccountHolders { shared.holders }

    /// Reads what this worker holds for clients: those who wait, what is asked for them, and the buffers of datagrams.
    package func readAccounts(_ read: Account.Reader) {
        read(Account("queries that wait", waitingCount, of: waitingLimit))
        read(Account("clients that wait", waitingClients.usedCount))
        read(Account("datagrams' buffers", hub.datagramsInUse, of: Hub.mostDatagrams))
        forwards.readAccounts(read)
        guard let waiting = redis?.waiting else { return }
        read(Account("commands to Redis", waiting.commands, of: waiting.mostCommands))
        read(Account("bytes for Redis", waiting.bytes, of: waiting.mostBytes))
    }
}
