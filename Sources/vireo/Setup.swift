internal import ArgumentParser
internal import Daemon

/// `vireo setup`: what to change so that this machine asks Vireo.
struct SetupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup",
        abstract: "Show what to change so that this machine asks Vireo; with --apply, change it.",
        discussion: "It knows NetworkManager, systemd-resolved, resolvconf and a plain /etc/resolv.conf.")

    /// The other way.
    @Flag(help: "Take back what setup has changed.")
    var undo = false

    /// Whether anything is done.
    @Flag(help: "Do it; without this, it is only shown.")
    var apply = false

    /// Where Vireo is.
    @Option(help: ArgumentHelp("The address where Vireo answers on port 53.", valueName: "address"))
    var address = "127.0.0.1"

    /// Another machine's files.
    @Option(help: ArgumentHelp("Look at the files below this directory instead of /, and run nothing.", valueName: "directory"))
    var root = ""

    /// Prints each step, and does it where that is wanted.
    func run() throws {
        guard MachineSetup.isAddress(address) else {
            throw ValidationError("--address: \(address) is no address; expected one such as 127.0.0.1")
        }
        try Failure.reported {
            let setup = MachineSetup(root: root, server: address)
            if !undo { try Output.write("# names are asked by way of \(setup.keeper.rawValue)\n") }
            let steps = undo ? setup.undoSteps() : setup.steps()
            if steps.isEmpty { try Output.write("# nothing to do\n") }
            if !undo, let upstreams = setup.upstreams {
                try Output.write("# first, in \(ConfigurationLoader.systemPath):  upstreams: \(upstreams)\n")
            }
            if apply, !undo, !steps.isEmpty { try checkUpstreams() }
            for step in steps {
                try Output.write("\(step)\n")
                if apply { try setup.apply(step) }
            }
            if !apply, !steps.isEmpty { try Output.write("# nothing was done; --apply does it\n") }
        }
    }

    /// Refuses what would leave this machine without DNS once Vireo is started anew: it then asked itself alone. Where settings
    /// stand elsewhere they are not judged.
    private func checkUpstreams() throws {
        guard root.isEmpty, let checked = try? ConfigurationLoader(file: ConfigurationLoader.systemPath).check() else { return }
        guard checked.settings.asksResolvConf else { return }
        throw MachineSetup.Failure(
            description: "no upstreams are set in \(ConfigurationLoader.systemPath): after a restart Vireo would have only "
                + "itself to ask; set them as shown above, then run vireo reload, and this again")
    }
}
