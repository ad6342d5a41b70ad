internal import DNSWire
internal import Logging
internal import Upstream

/// What the log says of upstreams.
enum UpstreamLog {
    /// Says one piece of news; from any thread.
    static func write(_ news: UpstreamNews, _ logger: Logger) {
        switch news {
        case .stopped(let upstream, let trouble):
            logger.warning("upstream stopped answering", metadata: ["upstream": "\(upstream)", "reason": "\(trouble.text)"])
        case .back(let upstream, let time):
            logger.notice(
                "upstream answers again", metadata: ["upstream": "\(upstream)", "seconds": "\(time.components.seconds)"])
        case .loop(let question):
            logger.error(
                "an upstream is this server under another name, or asks it: a query of ours came back",
                metadata: ["question": "\(words(question))"])
        case .suspectedLoop(let question):
            logger.warning(
                "what an upstream is asked is asked here from its address, and stays without an answer: does it ask this server?",
                metadata: ["question": "\(words(question))"])
        case .forged(let question, let upstream):
            logger.warning(
                "an upstream's answer looks forged: it differs from what a verifying upstream says, whose answer was given out",
                metadata: ["upstream": "\(upstream)", "question": "\(words(question))"])
        case .unanswered(let question, let failure):
            logger.debug("no answer", metadata: ["question": "\(words(question))", "reason": "\(failure)"])
        }
    }

    /// A question's name and type.
    private static func words(_ question: UpstreamQuestion) -> String {
        guard let name = try? NameView(question.name.span, at: 0) else { return "?" }
        return "\(Name(name)) \(question.type)"
    }
}
