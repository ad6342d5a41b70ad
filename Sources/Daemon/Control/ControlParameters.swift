internal import AnswerCache
internal import DNSWire
internal import GreenHTTP
internal import Resolver

/// The query of a request to the control API. What is wrong with it is said in one line (status 400).
struct ControlParameters {
    private let values: [String: String]

    /// Takes a query that has no other keys than `known`, and none twice.
    init(_ request: HTTPRequest, known: [String]) throws(HTTPError) {
        var values: [String: String] = [:]
        for field in request.query {
            guard known.contains(field.name) else {
                throw HTTPError(400, "\(quoted(field.name)) is no parameter; expected \(known.joined(separator: ", "))")
            }
            guard values.updateValue(field.value, forKey: field.name) == nil else {
                throw HTTPError(400, "\(field.name) is given twice")
            }
        }
        self.values = values
    }

    /// Takes values that are known to be of keys that there are.
    init(_ values: [String: String]) { self.values = values }

    /// Whether a key is there.
    func has(_ key: String) -> Bool { values[key] != nil }

    /// The text of a key.
    func text(_ key: String) -> String? { values[key] }

    /// A key that names a domain.
    func name(_ key: String) throws(HTTPError) -> Name? {
        guard let text = values[key] else { return nil }
        guard let name = Name(text) else { throw HTTPError(400, "\(quoted(text)) is not a domain name") }
        return name
    }

    /// A key that names a record type.
    func type(_ key: String = "type") throws(HTTPError) -> RecordType? {
        guard let text = values[key] else { return nil }
        guard let type = RecordType(text) else {
            throw HTTPError(400, "\(quoted(text)) is not a record type; expected one such as AAAA or TYPE65")
        }
        return type
    }

    /// A key that names a client: its address, or what it is called.
    func client(_ key: String = "client") throws(HTTPError) -> TestedClient? {
        guard let text = values[key] else { return nil }
        guard let client = TestedClient(text) else { throw HTTPError(400, "\(quoted(text)) is no address and no name") }
        return client
    }

    /// A key that names a pattern of names.
    func pattern(_ key: String) throws(HTTPError) -> NamePattern? {
        guard let text = values[key] else { return nil }
        guard let pattern = NamePattern(text) else {
            throw HTTPError(400, "\(quoted(text)) is not a domain name, nor a pattern of names such as *.example.com")
        }
        return pattern
    }

    /// A key that holds a number of at least 1.
    func count(_ key: String) throws(HTTPError) -> Int? {
        guard let text = values[key] else { return nil }
        guard let count = Int(text), count > 0 else {
            throw HTTPError(400, "\(key): \(quoted(text)) is not a number above 0")
        }
        return count
    }

    /// A key that names a tier; all that there are, where it is not given.
    func tiers(_ key: String, of all: [CacheTier]) throws(HTTPError) -> [CacheTier] {
        guard let text = values[key] else { return all }
        guard let tier = CacheTier(rawValue: text) else {
            throw HTTPError(400, "\(quoted(text)) is not a tier; expected memory or redis")
        }
        guard all.contains(tier) else { throw HTTPError(404, "this daemon has no \(text): cache.redis is not set") }
        return [tier]
    }

    /// A key that holds a range of addresses.
    func prefix(_ key: String) throws(HTTPError) -> AddressPrefix? {
        guard let text = values[key] else { return nil }
        guard let prefix = AddressPrefix(text) else {
            throw HTTPError(400, "\(quoted(text)) is not a range of addresses such as 192.0.2.0/24 or 2001:db8::/32")
        }
        if let network = prefix.networkOfHostBits {
            throw HTTPError(400, "\(quoted(text)) has bits set after the prefix; expected \(network), or a longer prefix")
        }
        return prefix
    }
}
