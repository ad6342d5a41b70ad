internal import Green

/// A step from a value to one that stands in it.
enum ConfigurationStep: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// To what a key of a mapping holds.
    case key(String)
    /// To an element of a list; the first of what is no list is the value itself, for one may stand there without brackets.
    case index(Int)

    init(stringLiteral value: String) { self = .key(value) }
    init(integerLiteral value: Int) { self = .index(value) }

    /// Steps as messages write them.
    static func key(of path: [ConfigurationStep]) -> String {
        path.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .index(let index): text += "[\(index)]"
            }
        }
    }
}

/// Settings while they are read: with all that is wrong with them, and where each stands.
struct SettingsReading {
    /// What was read so far.
    var settings: Settings
    /// What is wrong.
    var faults = ConfigurationFaults()
    /// The values as they were written, with those of options in their places.
    private var tree: ConfigurationNode
    /// The keys whose values could not be read, or may be meant by unknown ones.
    private var unread: Set<String> = []
    /// Whether nothing may be missing.
    private var isWhole = true

    /// Nothing of a file, or of options.
    init(_ settings: Settings = Settings(), source: String) {
        self.settings = settings
        tree = ConfigurationNode(.mapping([]), at: ConfigurationPlace(source: source))
    }

    /// Reads the text of a file; what `load` throws is the mistake that there is none.
    mutating func read(file: String, _ load: () throws(ConfigurationError) -> String) {
        do throws(ConfigurationError) {
            let (node, isWhole) = ConfigurationNode.parse(yaml: try load(), file: file, &faults)
            self.isWhole = isWhole
            guard let node else { return }
            if case .mapping = node.content { tree = node }
            unread.formUnion(Settings.table.readKeys(node, into: &settings, &faults))
        } catch {
            isWhole = false
            faults.add(error)
        }
    }

    /// Reads what stands in place of what a file said.
    mutating func override(with node: ConfigurationNode) {
        tree = tree.overridden(by: node)
        unread.formUnion(Settings.table.readKeys(node, into: &settings, &faults))
    }

    /// Holds what was read against each other, once all is.
    mutating func conclude() {
        settings.noteOrigins(tree)
        // What was left out would be missed.
        if isWhole { Settings.table.check(settings, tree, without: unread, &faults) }
    }

    /// Throws all that is wrong, in the order of the lines.
    mutating func check() throws(ConfigurationError) {
        faults.sort()
        try faults.check()
    }

    /// Whether what the settings have for a key is what is meant, be it the default.
    func isKnown(_ key: String) -> Bool {
        !unread.contains(key) && (isWhole || tree.value(of: key) != nil)
    }

    /// Whether something stands there, good or not.
    func isWritten(_ path: [ConfigurationStep]) -> Bool { tree.deepest(path).depth == path.count }

    /// The place of a value, or of the innermost that it stands in.
    func place(of path: [ConfigurationStep]) -> ConfigurationPlace { place(of: [path]) }

    /// The place of the one value that is written: of several where it may stand.
    func place(of paths: [[ConfigurationStep]]) -> ConfigurationPlace {
        let found = paths.map { tree.deepest($0) }
        var best = found.first
        for next in found where next.depth > best?.depth ?? 0 { best = next }
        return best?.node.place ?? tree.place
    }
}

extension ConfigurationNode {
    /// The innermost value that a path leads to, and how many of its steps.
    fileprivate func deepest(_ path: [ConfigurationStep]) -> (node: ConfigurationNode, depth: Int) {
        var node = self
        for (depth, step) in path.enumerated() {
            guard let next = node.value(at: step) else { return (node, depth) }
            node = next
        }
        return (node, path.count)
    }

    private func value(at step: ConfigurationStep) -> ConfigurationNode? {
        switch (step, content) {
        case (.key(let key), _): value(of: key)
        case (.index(let index), .list(let elements)): elements.indices.contains(index) ? elements[index] : nil
        case (.index(let index), _): index == 0 ? self : nil
        }
    }

    /// The same with what another has instead, in sections key by key.
    fileprivate func overridden(by other: ConfigurationNode) -> ConfigurationNode {
        guard case .mapping(var pairs) = content, case .mapping(let others) = other.content else { return other }
        for (key, value) in others {
            if let index = pairs.firstIndex(where: { $0.key == key }) {
                pairs[index].value = pairs[index].value.overridden(by: value)
            } else {
                pairs.append((key, value))
            }
        }
        var result = self
        result.content = .mapping(pairs)
        return result
    }
}
