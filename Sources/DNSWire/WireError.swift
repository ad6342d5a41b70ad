/// What can be wrong with bytes or text, or with the room to write them. Says what to do, holds nothing of the input.
public enum WireError: Error, Hashable, Sendable {
    /// The input ends before what it promised.
    case truncated
    /// A name breaks the rules: a label over 63, over 255 in all, a pointer that does not point back, an extended label.
    case badName
    /// A record's rdata does not have its type's form.
    case badRData
    /// The message as a whole is wrong: counts, OPT twice or misplaced, bytes after the end.
    case badMessage
    /// Text is not presentation format (RFC 1035 5.1) of what was asked for.
    case badText
    /// The buffer has no room for this; nothing of it remains written.
    case doesNotFit
}

extension WireError: CustomStringConvertible {
    /// One line for logs.
    public var description: String {
        switch self {
        case .truncated: "the input ends too early"
        case .badName: "a domain name is malformed"
        case .badRData: "a record's data does not have the form of its type"
        case .badMessage: "the message is malformed"
        case .badText: "the text is not in presentation format"
        case .doesNotFit: "the message does not fit into its buffer"
        }
    }
}
