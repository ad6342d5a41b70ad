internal import CYAML

/// What a YAML text holds, one after the other, as libyaml reads it.
@safe struct YAMLEvents: ~Copyable {
    /// What comes next.
    enum Event: Equatable {
        /// A value; `isPlain` says that it stands without quotes.
        case scalar(String, isPlain: Bool, anchor: String?)
        case sequenceStart(anchor: String?)
        case sequenceEnd
        case mappingStart(anchor: String?)
        case mappingEnd
        /// The value that has this anchor.
        case alias(String)
        case documentStart
        case documentEnd
        case streamEnd
    }

    /// A place in the text, from 1 on.
    struct Mark: Equatable {
        var line = 1
        var column = 1

        init() {}

        init(_ mark: yaml_mark_t) {
            line = Int(clamping: mark.line) + 1
            column = Int(clamping: mark.column) + 1
        }
    }

    /// Why the text is no YAML.
    struct Fault: Error {
        let mark: Mark
        let reason: String
    }

    // SAFETY: allocated by `init` and freed by `deinit`; the bytes are this object's own and stay where they are.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    /// Where the last event begins.
    private(set) var mark = Mark()

    /// The events of a text in UTF-8.
    init(_ text: String) {
        unsafe bytes = .allocate(capacity: max(1, text.utf8.count))
        let (_, count) = unsafe bytes.initialize(from: text.utf8)
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        // Without memory there is no parser, and the first event is a fault.
        guard unsafe yaml_parser_initialize(parser) == 1 else { return }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, count)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe bytes.deallocate()
    }

    /// The next event.
    mutating func next() throws(Fault) -> Event {
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw fault }
            defer { unsafe yaml_event_delete(&event) }
            mark = unsafe Mark(event.start_mark)
            if let known = unsafe Self.read(event) { return known }
        }
    }

    /// An event; nil for one that says nothing.
    private static func read(_ event: yaml_event_t) -> Event? {
        switch unsafe event.type {
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let value = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let style = unsafe scalar.style
            let isQuoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE
            return .scalar(value, isPlain: !isQuoted, anchor: unsafe text(scalar.anchor))
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: unsafe text(event.data.sequence_start.anchor))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: unsafe text(event.data.mapping_start.anchor))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_ALIAS_EVENT: return .alias(unsafe text(event.data.alias.anchor) ?? "")
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return .streamEnd
        default: return nil
        }
    }

    /// What libyaml found wrong.
    private var fault: Fault {
        let state = unsafe parser.pointee
        guard let problem = unsafe state.problem else { return Fault(mark: mark, reason: "no memory") }
        let reason = unsafe String(cString: problem)
        guard unsafe state.error != YAML_READER_ERROR else {
            return Fault(mark: place(ofByte: unsafe state.problem_offset), reason: reason)
        }
        let context = unsafe state.context.map { unsafe String(cString: $0) }
        return Fault(mark: unsafe Mark(state.problem_mark), reason: context.map { "\($0), \(reason)" } ?? reason)
    }

    /// The place of a byte.
    private func place(ofByte offset: Int) -> Mark {
        var mark = Mark()
        for index in unsafe 0..<min(max(0, offset), bytes.count) {
            // A letter counts once, however many bytes it has.
            if unsafe bytes[index] & 0xC0 != 0x80 { mark.column += 1 }
            if unsafe bytes[index] == UInt8(ascii: "\n") { (mark.line, mark.column) = (mark.line + 1, 1) }
        }
        return mark
    }

    private static func text(_ name: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let name = unsafe name else { return nil }
        return unsafe String(cString: name)
    }
}
