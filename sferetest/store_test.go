package sferetest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sferetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTTL(t *testing.T) {
	for _, tt := range []struct {
		fixed  bool
		evicts bool
		max    int
		reason string
	}{
		{false, false, 5, "the default"},
		{false, true, 5, "idle ones make room"},
		{true, false, 3, "a bounded life"},
		{true, true, 3, "the oldest makes room"},
		{false, false, -1, "no limit"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			sferetest.Store(t, sferetest.Options{
				New: func(clock *sferetest.Clock) sfere.Store {
					return sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, Fixed: tt.fixed, EvictOldest: tt.evicts, MaxSize: tt.max, Clock: clock})
				},
				TTL: time.Minute, Sliding: !tt.fixed, MaxSize: max(tt.max, 0), Evicts: tt.evicts,
			})
		})
	}
}
