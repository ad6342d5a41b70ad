// Counts primes on three threads: each runs a hub of its own, and takes numbers from a queue that they share.
import Green

/// Whether a number has no divisor but itself and 1.
func isPrime(_ number: Int) -> Bool {
    number > 1 && !(2..<number).prefix { $0 * $0 <= number }.contains { number % $0 == 0 }
}

try green {
    let (numbers, counts) = (ThreadQueue<Range<Int>>(limit: 8), ThreadQueue<Int>())
    let group = HubGroup()
    for number in 1...3 {
        group.start(name: "counter \(number)") {
            var count = 0
            while let range = try numbers.get() {
                count += range.count(where: isPrime)
                // A computation gives way now and then, so that others of its hub have their turn.
                try yield()
            }
            try counts.put(count)
        }
    }
    for start in stride(from: 0, to: 20_000, by: 1_000) { try numbers.put(start..<start + 1_000) }
    numbers.close()
    let sum = try (1...3).reduce(0) { sum, _ in sum + (try counts.get() ?? 0) }
    print("\(sum) primes below 20,000")
}
