internal import Glibc

/// Where settings come from: a file, options that override it, and resolv.conf. Loading again reads all of it again.
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

    /// The YAML file, if any.
    private let file: String?
    /// The command line's options.
    private let overrides: [Override]
    /// Where the system's resolvers are named.
    private let resolverConfigurationPath: String

    /// A loader of `file`, with `overrides` on top.
    package init(
        file: String?, overrides: [Override] = [], resolverConfiguration: String = ResolverConfiguration.systemPath
    ) {
        self.file = file
        self.overrides = overrides
        self.resolverConfigurationPath = resolverConfiguration
    }

    /// Reads everything anew.
    package func load() throws(ConfigurationError) -> Settings {
        var settings = try loadWritten()
        if settings.upstreams.isEmpty {
            let text = (try? TextFile(resolverConfigurationPath).read()) ?? ""
            try settings.takeUpstreams(from: ResolverConfiguration(text))
        }
        return settings
    }

    /// Reads the file and the options only: what `vireo check` can judge on any machine.
    package func loadWritten() throws(ConfigurationError) -> Settings {
        var settings = Settings()
        if let file {
            let node = try ConfigurationNode.parse(yaml: TextFile(file).read(), file: file)
            try Settings.table.read(node, into: &settings)
        }
        for override in overrides {
            try apply(override, to: &settings)
        }
        try settings.checkUpstreams(at: ConfigurationPlace(source: file ?? "command line"))
        return settings
    }

    /// Reads an option's values as if the file had named them under its key.
    private func apply(_ override: Override, to settings: inout Settings) throws(ConfigurationError) {
        let place = ConfigurationPlace(source: override.option)
        let scalars = override.values.map { ConfigurationNode(.scalar($0), at: place) }
        var node = override.isList ? ConfigurationNode(.list(scalars), at: place) : scalars[0]
        for part in override.key.split(separator: ".").reversed() {
            node = ConfigurationNode(.mapping([(String(part), node)]), at: place)
        }
        try Settings.table.read(node, into: &settings)
    }
}
