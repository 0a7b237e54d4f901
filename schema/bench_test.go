package schema_test

import (
	"fmt"
	"testing"

	"github.com/sfere-go/sfere/schema"
)

// BenchmarkMany shows what is paid when: for the catalogue, for one item of it,
// and for everything.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		source := many(n)
		b.Run(fmt.Sprintf("of/%d", n), func(b *testing.B) {
			for b.Loop() {
				schema.Of(source)
			}
		})
		b.Run(fmt.Sprintf("first-get/%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := schema.Of(source)
				b.StartTimer()
				if _, err := c.Get("test/t00050"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("get/%d", n), func(b *testing.B) {
			c := schema.Of(source)
			for b.Loop() {
				if _, err := c.Get("test/t00050"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("err/%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := schema.Of(source).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
