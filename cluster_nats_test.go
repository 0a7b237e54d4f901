package sfere_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/twk/twktest"
)

// The same over NATS: two programs with a server between them.
func TestClusterOverNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a NATS server")
	}
	nats, err := natsrelay.StartEmbedded(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Close)
	var ss []*server
	for i := range 2 {
		s := newServer(t, setup{opts: sfere.Options{
			Relay: natsrelay.New(nats.URL(), nil), FromRelay: []effect.Data{mine{}},
			Node: &relay.Options{Name: string(rune('a' + i)), Keys: [][]byte{[]byte("a key of at least 16 bytes")}},
		}})
		if err := s.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.conns.Close)
		ss = append(ss, s)
	}
	ann, bob := ss[0].open(id("ann")), ss[1].open(id("bob")+"&tab=bob")
	until(t, "the broadcast reaches both", func() bool {
		rep := sfere.ReportOf(ss[0].dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("one")}, Report: "cluster"}))
		return rep.Delivered == 2
	})
	ss[0].dispatch(sfere.Tell(sfere.Category("lobby"), mine{Text: "two"}))
	for s, text := range map[*twktest.Stream]string{ann: `{"text":"two of "}`, bob: `{"text":"two of bob"}`} {
		s.Until(func(e twktest.Event) bool { return e.Fields()["signals"] == text })
	}
	rep := sfere.ReportOf(ss[0].dispatch(sfere.Kick{To: sfere.Exactly(key("bob")), Report: "cluster"}))
	if rep.Delivered != 1 {
		t.Errorf("the kick's report is %+v", rep)
	}
	until(t, "he is kept away from both", func() bool {
		return ss[0].status(id("bob")) == http.StatusNoContent && ss[1].conns.KeptAway(key("bob")) > 0
	})
}

// until waits for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(twktest.Wait); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
