/// `--inspect-cache [NAME]`: an option with an optional value, which the parser does not know.
enum InspectCache {
    private static let option = "--inspect-cache"

    /// The arguments as the parser takes them: the option becomes `cache list`, and its value, or the word after it that is
    /// no option, the pattern.
    static func rewritten(_ arguments: [String]) -> [String] {
        guard let place = arguments.firstIndex(where: { $0 == option || $0.hasPrefix("\(option)=") }) else { return arguments }
        let value = arguments[place].dropFirst(option.count + 1)
        var rest = arguments
        rest.remove(at: place)
        return ["cache", "list"] + (value.isEmpty ? [] : [String(value)]) + rest
    }
}
