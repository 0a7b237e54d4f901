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
		expiry sfere.Expiry
		full   sfere.Full
		max    int
		reason string
	}{
		{sfere.Sliding, sfere.RejectNew, 5, "the default"},
		{sfere.Sliding, sfere.EvictOldest, 5, "idle ones make room"},
		{sfere.Fixed, sfere.RejectNew, 3, "a bounded life"},
		{sfere.Fixed, sfere.EvictOldest, 3, "the oldest makes room"},
		{sfere.Sliding, sfere.RejectNew, -1, "no limit"},
	} {
		t.Run(string(tt.expiry)+" "+string(tt.full), func(t *testing.T) {
			sferetest.Store(t, sferetest.Options{
				New: func(clock *sferetest.Clock) sfere.Store {
					return sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, Expiry: tt.expiry, WhenFull: tt.full, MaxSize: tt.max, Clock: clock})
				},
				TTL: time.Minute, Sliding: tt.expiry == sfere.Sliding, MaxSize: max(tt.max, 0), Evicts: tt.full == sfere.EvictOldest,
			})
		})
	}
}
