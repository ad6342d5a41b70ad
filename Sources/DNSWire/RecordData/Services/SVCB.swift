extension RecordData {
    /// How to reach a service or an HTTP origin (RFC 9460 2): SVCB and HTTPS have the same form.
    public struct SVCB: RecordDataFields {
        /// 0 for an alias, else lower is tried first.
        public var priority: UInt16
        /// The host; the root means the owner itself.
        public var target: Name
        /// The parameters in ascending order of their keys, each once.
        public var parameters: [ServiceParameter]

        /// Puts the fields together; parameters are sorted.
        public init(priority: UInt16, target: Name, parameters: [ServiceParameter]) {
            self.priority = priority
            self.target = target
            self.parameters = parameters.sorted { $0.key < $1.key }
        }

        /// Reads rdata.
        init(_ reader: inout RDataReader) throws(WireError) {
            priority = try reader.uint16()
            target = try reader.name(allowingPointers: false)
            parameters = []
            while !reader.isAtEnd {
                let key = try reader.uint16()
                if let last = parameters.last, last.key >= key { throw .badRData }
                parameters.append(ServiceParameter(key: key, value: try reader.bytes(Int(try reader.uint16()))))
            }
        }

        /// Reads the fields from text; parameters may come in any order.
        init(_ text: inout PresentationReader) throws(WireError) {
            let priority: UInt16 = try text.number()
            let target = try text.name()
            var parameters: [ServiceParameter] = []
            while !text.isAtEnd {
                let parameter = try ServiceParameter(try text.field().bytes)
                guard !parameters.contains(where: { $0.key == parameter.key }) else { throw .badText }
                parameters.append(parameter)
            }
            self.init(priority: priority, target: target, parameters: parameters)
        }

        /// Writes rdata.
        func write(to builder: inout MessageBuilder) throws(WireError) {
            try builder.write(priority)
            try builder.writeName(target.view, compress: false)
            for parameter in parameters {
                guard let length = UInt16(exactly: parameter.value.count) else { throw .badRData }
                try builder.write(parameter.key)
                try builder.write(length)
                try builder.write(parameter.value)
            }
        }

        /// The fields as text.
        public var description: String {
            (["\(priority)", "\(target)"] + parameters.map(\.description)).joined(separator: " ")
        }
    }
}
