package import Logging

/// One line for each record, made where the log call stands and written elsewhere.
package struct LineLogHandler: LogHandler {
    /// Where records go; shared by all loggers of a process.
    private let destination: Log
    /// What is said with each record.
    package var metadata = Logger.Metadata()
    /// Another source of such things.
    package var metadataProvider: Logger.MetadataProvider?

    /// A handler that writes to `log`.
    package init(log: Log) {
        self.destination = log
    }

    /// The level of the whole log; setting it on one logger sets it for all.
    package var logLevel: Logger.Level {
        get { destination.level }
        set { destination.level = newValue }
    }

    /// One value of the metadata.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Makes the line and queues it.
    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let given = event.metadata { all.merge(given) { _, new in new } }
        destination.write(level: event.level, message: event.message.description, metadata: all)
    }
}
