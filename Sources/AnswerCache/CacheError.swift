/// Why a cache could not be made.
package enum CacheError: Error, Equatable {
    /// The system gives no address space of this size.
    case cannotReserve(byteCount: Int, errno: Int32)
}

extension CacheError: CustomStringConvertible {
    /// One line that names the setting and what to do.
    package var description: String {
        switch self {
        case .cannotReserve(let byteCount, let errno):
            "cache.size: the system does not give \(byteCount) bytes of address space (errno \(errno)); "
                + "make it smaller or raise the limit (ulimit -v)"
        }
    }
}
