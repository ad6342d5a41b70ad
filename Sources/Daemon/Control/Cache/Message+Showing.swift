internal import DNSWire

extension Message {
    /// Reads a message to be shown: a record whose data is not what its type wants is kept as bytes, `\# n hex` (RFC 3597 5),
    /// and where no further record can be told the message ends. Nil where not even the question can be read.
    init?(showing bytes: Span<UInt8>) {
        do throws(WireError) {
            let view = try MessageView(bytes)
            self.init(id: view.id, flags: view.flags)
            if let question = try view.question() { questions = [Question(question)] }
            var records = try view.records()
            do throws(WireError) {
                while let record = try records.next() { append(record) }
            } catch {
                // What came before can be shown.
            }
        } catch {
            return nil
        }
    }

    /// Puts a record into its section; OPT is left out.
    private mutating func append(_ record: borrowing RecordView) {
        guard record.type != .opt else { return }
        var data = RecordData.unknown(RecordData.Unknown(type: record.type, bytes: [UInt8](copying: record.rdata)))
        do throws(WireError) {
            data = try RecordData(record)
        } catch {
            // As bytes.
        }
        let owned = ResourceRecord(Name(record.owner), ttl: record.ttl, class: record.class, data)
        switch record.section {
        case .answer: answers.append(owned)
        case .authority: authorities.append(owned)
        case .additional: additionals.append(owned)
        }
    }
}
