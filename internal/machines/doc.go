// Package machines has the tests of one program on several machines, as real
// processes: the test binary starts itself as the nodes and as the NATS servers, and
// kills, stops, splits and replaces them under load. Every message has a number, and
// what each stream has received is compared with what was sent. It has tests only.
//
//	go test ./internal/machines          # about a minute; Linux
//	go test -short ./internal/machines
//
// What needs a network of its own gives each process a network namespace that ends with
// it. The test carries the packets between them and can lose or delay those of each
// direction. That needs root or user namespaces, and /dev/net/tun. Without them it is
// skipped, in a line that nobody overlooks.
package machines
