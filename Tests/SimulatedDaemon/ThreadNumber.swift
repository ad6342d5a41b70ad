internal import Glibc

/// A number that this thread alone has.
var threadNumber: UInt { UInt(pthread_self()) }
