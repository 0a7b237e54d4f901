package compress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/sse/compress"
)

// What an encoder does not know is noticed when the program starts.
func TestCompressorOptions(t *testing.T) {
	for name, f := range map[string]func(){
		"gzip level": func() { compress.Gzip(10) }, "brotli quality": func() { compress.Brotli(12, 18) }, "brotli window": func() { compress.Brotli(4, 25) },
		"zstd window": func() { compress.Zstd(3, 24) },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "compress") {
					t.Errorf("%s: panic %v", name, p)
				}
			}()
			f()
		}()
	}
}
