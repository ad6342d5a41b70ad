package import DNSWire

/// A question as it was asked.
package struct Asked: Sendable {
    /// The name's wire form, lower-cased, without pointers.
    package let name: [UInt8]
    /// The type asked for.
    package let type: RecordType
    /// The class asked for.
    package let `class`: RecordClass
    /// DO and CD.
    package let flags: KeyFlags
    /// The number of the name's labels, the root not counted.
    let labelCount: Int

    /// Puts a question together; `name` is lower-cased wire form without pointers.
    package init(_ name: [UInt8], _ type: RecordType, _ class: RecordClass, flags: KeyFlags) {
        self.name = name
        var labels = 0
        var position = 0
        while position < name.count, name[position] != 0 {
            labels += 1
            position += 1 + Int(name[position])
        }
        labelCount = labels
        self.type = type
        self.class = `class`
        self.flags = flags
    }

    /// What is to be known of its name to read owners that only point to it.
    var shape: NameView.Shape { NameView.Shape(wireLength: name.count, labelCount: labelCount) }
    /// Where its records start in a reply.
    package var recordsStart: Int { MessageView.headerLength + name.count + 4 }
}
