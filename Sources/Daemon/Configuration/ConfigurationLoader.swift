internal import Glibc
package import Green

/// Where settings come from: a file, and options that override it. Loading again reads all of it again.
package struct ConfigurationLoader: Sendable {
    /// An option of the command line that stands for a key.
    package struct Override: Sendable {
        /// The option, as messages name it.
        package let option: String
        /// The key that it replaces, with its section.
        package let key: String
        /// What was given.
        package let values: [String]
        /// Whether the key takes a list.
        package let isList: Bool

        /// The option `option`, which replaces the list that `key` holds.
        package static func list(_ option: String, _ key: String, _ values: [String]) -> Override {
            Override(option: option, key: key, values: values, isList: true)
        }

        /// The option `option`, which replaces the value that `key` holds.
        package static func value(_ option: String, _ key: String, _ value: String) -> Override {
            Override(option: option, key: key, values: [value], isList: false)
        }
    }

    /// The YAML file, `-` for standard input; nil where none is named.
    private let file: String?
    /// The file that is read where none is named, if it is there.
    private let usualFile: String?
    /// The command line's options.
    private let overrides: [Override]
    /// Where systemd has put the credentials of this service; nil where there are none.
    let credentials: String?
    /// The addresses of this machine's interfaces.
    private let machine: @Sendable () -> [IPAddress]
    /// Gives the YAML text in place of a file.
    private let text: (@Sendable () -> String)?
    /// What standard input held: it can be read once only, settings again and again.
    private let standardInput = Locked<String?>(nil)

    /// Where the installed file is.
    package static let systemPath = "/etc/vireo/vireo.yaml"

    /// A loader of `file`, with `overrides` on top; without one of `usualFile`, if that is there.
    package init(
        file: String?, usualFile: String? = systemPath, overrides: [Override] = [],
        credentials: String? = ConfigurationLoader.systemCredentials,
        machine: @escaping @Sendable () -> [IPAddress] = { Interfaces.addresses().map(\.address) }
    ) {
        self.file = file
        self.usualFile = usualFile
        self.overrides = overrides
        self.credentials = credentials
        self.machine = machine
        text = nil
    }

    /// A loader of YAML text that is no file's, on a machine with those addresses.
    package init(text: @escaping @Sendable () -> String, machine: @escaping @Sendable () -> [IPAddress]) {
        (file, usualFile, overrides, credentials) = ("the text", nil, [], nil)
        self.machine = machine
        self.text = text
    }

    /// Reads everything anew. Without upstreams those of resolv.conf are asked, which is looked at while the daemon runs.
    package func load() throws(ConfigurationError) -> Settings {
        var reading = read()
        try reading.check()
        return reading.settings
    }

    /// Reads everything anew, whatever is wrong with it.
    func read() -> SettingsReading {
        let file = self.file ?? usualFile.flatMap { unsafe access($0, F_OK) == 0 ? $0 : nil }
        let isInput = file == "-"
        let name = isInput ? "standard input" : file
        var reading = SettingsReading(source: name ?? "command line")
        if let file, let name { reading.read(file: name) { () throws(ConfigurationError) in try content(of: file) } }
        let isOpen = !isInput && text == nil && reading.settings.secret != nil && file.map(Self.isOpenToAll) == true
        if isOpen { reading.settings.openFile = file }
        for override in overrides { reading.override(with: Self.node(override)) }
        reading.conclude()
        readSecrets(into: &reading)
        // Where it listens must be known for that.
        if reading.isKnown("listen") {
            for fault in reading.settings.ownUpstreams(on: machine(), reading.place) { reading.faults.add(fault) }
        }
        return reading
    }

    /// The YAML text.
    private func content(of file: String) throws(ConfigurationError) -> String {
        if let text { return text() }
        return file == "-" ? try readInput() : try TextFile(file).read()
    }

    /// Whether a file's mode lets everybody read it.
    private static func isOpenToAll(_ path: String) -> Bool {
        var info = Glibc.stat()
        return unsafe stat(path, &info) == 0 && info.st_mode & S_IROTH != 0
    }

    /// What came on standard input.
    private func readInput() throws(ConfigurationError) -> String {
        if let text = standardInput.withLock({ $0 }) { return text }
        let text = try TextFile("standard input").read(from: STDIN_FILENO)
        standardInput.withLock { $0 = text }
        return text
    }

    /// An option's values as if the file had named them under its key.
    private static func node(_ override: Override) -> ConfigurationNode {
        let place = ConfigurationPlace(source: override.option)
        let scalars = override.values.map { ConfigurationNode(.scalar($0), at: place) }
        var node = override.isList ? ConfigurationNode(.list(scalars), at: place) : scalars[0]
        for part in override.key.split(separator: ".").reversed() {
            node = ConfigurationNode(.mapping([(String(part), node)]), at: place)
        }
        return node
    }
}
