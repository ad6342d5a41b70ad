internal import Glibc

/// Standard input, output and error.
enum StandardDescriptors {
    /// Opens those that whoever started the program has closed, on nothing: else sockets would get their numbers, and be
    /// sent what is written to standard error.
    static func open() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is taken.
            _ = unsafe Glibc.open("/dev/null", O_RDWR)
        }
    }
}
