/// A question of its own.
public struct Question: Hashable, Sendable {
    /// The name asked for.
    public var name: Name
    /// The type asked for.
    public var type: RecordType
    /// The class asked for.
    public var `class`: RecordClass

    /// Puts a question together.
    public init(_ name: Name, _ type: RecordType, _ class: RecordClass = .internet) {
        self.name = name
        self.type = type
        self.class = `class`
    }

    /// Copies a question out of a message.
    public init(_ question: borrowing QuestionView) {
        self.init(Name(question.name), question.type, question.class)
    }
}

extension Question: CustomStringConvertible {
    /// The question as dig prints it.
    public var description: String { "\(name)\t\(`class`)\t\(type)" }
}
