/// An answer that stands in Redis, for who wants to look at it.
package struct RedisEntry: Sendable {
    /// What its key says.
    package let parts: RedisKey.Parts
    /// Where it came from.
    package let origin: RedisValue.Origin
    /// NXDOMAIN or NODATA.
    package let isNegative: Bool
    /// Whether its time is over.
    package let isExpired: Bool
    /// How long ago it came.
    package let ageSeconds: UInt32
    /// For how long it could be given out when it came.
    package let lifetimeSeconds: UInt32
    /// The whole message with the question in lower case, TTLs counted down.
    package let message: [UInt8]
    /// How many bytes the value has.
    package let byteCount: Int

    /// Whether an address record of its answer lies in a range.
    package func hasAnswer(in prefix: AddressPrefix) -> Bool { prefix.isAnswered(by: message.span) }
}
