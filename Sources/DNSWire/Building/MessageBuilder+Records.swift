/// Writing records: copies of records of other messages, and OPT.
extension MessageBuilder {
    /// Copies a record of another message: its owner and the names in its rdata are expanded and compressed anew.
    /// Returns where its TTL stands. `ttl` replaces the record's own.
    @_lifetime(self: copy self)
    @discardableResult
    public mutating func append(
        _ record: borrowing RecordView, to section: Section, ttl: UInt32? = nil
    ) throws(WireError) -> Int {
        let mark = mark()
        do {
            try writeName(record.owner)
            try write(record.type.rawValue)
            try write(record.class.rawValue)
            let ttlOffset = count
            try write(ttl ?? record.ttl)
            let lengthOffset = try beginRData()
            try copyRData(record)
            endRData(lengthOffset)
            countRecord(in: section)
            return ttlOffset
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Writes a record. Returns where its TTL stands.
    @_lifetime(self: copy self)
    @discardableResult
    public mutating func append(_ record: ResourceRecord, to section: Section) throws(WireError) -> Int {
        let mark = mark()
        do {
            try writeName(record.owner.view)
            try write(record.type.rawValue)
            try write(record.class.rawValue)
            let ttlOffset = count
            try write(record.ttl)
            let lengthOffset = try beginRData()
            try record.data.fields.write(to: &self)
            endRData(lengthOffset)
            countRecord(in: section)
            return ttlOffset
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Copies a record of another message as above; its owner, or the name that its data is, in lower case where that was made
    /// from a question's labels (RFC 6672 3.4): the letters in which it was sent are nobody's business. Returns where its
    /// owner, or the name that its owner is a pointer to, stands.
    @_lifetime(self: copy self)
    package mutating func append(
        _ record: borrowing RecordView, to section: Section, ttl: UInt32, lowercasingOwner: Bool, lowercasingName: Bool
    ) throws(WireError) -> Int {
        let mark = mark()
        do {
            if lowercasingOwner { try writeName(FixedName(record.owner).view) } else { try writeName(record.owner) }
            let word = Int(buffer.span.loadUInt16(at: mark.count))
            try write(record.type.rawValue)
            try write(record.class.rawValue)
            try write(ttl)
            let lengthOffset = try beginRData()
            if lowercasingName {
                try writeName(FixedName(try NameView(record.message, at: record.rdataOffset, limit: record.endOffset)).view)
            } else {
                try copyRData(record)
            }
            endRData(lengthOffset)
            countRecord(in: section)
            return word >= 0xC000 ? word & 0x3FFF : mark.count
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Copies a record of another message as above, with its owner as a pointer to a name that stands in this one, and a TTL
    /// of its own. Whoever writes an RRset writes its owner once.
    @_lifetime(self: copy self)
    package mutating func append(
        _ record: borrowing RecordView, to section: Section, ttl: UInt32, ownerAt owner: Int
    ) throws(WireError) {
        let mark = mark()
        do {
            try write(UInt16(0xC000) | UInt16(truncatingIfNeeded: owner))
            try write(record.type.rawValue)
            try write(record.class.rawValue)
            try write(ttl)
            let lengthOffset = try beginRData()
            try copyRData(record)
            endRData(lengthOffset)
            countRecord(in: section)
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Leaves room for an rdata's length; returns where it stands.
    @_lifetime(self: copy self)
    mutating func beginRData() throws(WireError) -> Int {
        try write(UInt16(0))
        return count - 2
    }

    /// Fills in the length of the rdata written since `beginRData`.
    @_lifetime(self: copy self)
    mutating func endRData(_ lengthOffset: Int) {
        buffer.storeUInt16(UInt16(truncatingIfNeeded: count - lengthOffset - 2), at: lengthOffset)
    }

    /// Copies rdata, names expanded and, where the type allows it, compressed anew.
    @_lifetime(self: copy self)
    private mutating func copyRData(_ record: borrowing RecordView) throws(WireError) {
        let end = record.endOffset
        // Empty rdata is legal in updates and nowhere else; it has no names.
        guard let layout = RDataLayout(record.type), record.rdataLength > 0 else {
            return try write(record.rdata)
        }
        var position = try layout.namesOffset(in: record)
        try write(record.message.extracting(record.rdataOffset..<position))
        for _ in 0..<layout.names {
            let name = try NameView(record.message, at: position, limit: end)
            try writeName(name, compress: layout.mayCompress)
            position = name.endOffset
        }
        try write(record.message.extracting(position..<end))
    }

    /// Writes an OPT record with all its options. The rcode's high bits are in it; the low ones are the flags'.
    @_lifetime(self: copy self)
    public mutating func appendOPT(_ edns: EDNS) throws(WireError) {
        let mark = mark()
        do throws(WireError) {
            try write(UInt8(0))
            try write(RecordType.opt.rawValue)
            try write(edns.udpPayloadSize)
            try write(edns.extendedHigh)
            try write(edns.version)
            try write(edns.flags)
            let lengthOffset = try beginRData()
            for option in edns.options {
                try write(option.code.rawValue)
                guard let length = UInt16(exactly: option.data.count) else { throw .badRData }
                try write(length)
                try write(option.data)
            }
            endRData(lengthOffset)
            countRecord(in: .additional)
        } catch {
            roll(back: mark)
            throw error
        }
    }

    /// Writes an OPT record without options, or with an extended error (RFC 6891 6.1.2, RFC 8914 2).
    @_lifetime(self: copy self)
    public mutating func appendOPT(_ opt: OPTReply) throws(WireError) {
        guard let end = opt.append(to: &buffer, at: count, limit: limit) else { throw .doesNotFit }
        section = .additional
        count = end
        flags.responseCode = opt.responseCode
    }
}
