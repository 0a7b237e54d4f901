package sse_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// No test of this package may leave a goroutine behind.
func TestMain(m *testing.M) {
	if addrs := os.Getenv(silentClient); addrs != "" {
		beSilentClient(addrs)
		return
	}
	goleak.VerifyTestMain(m)
}
