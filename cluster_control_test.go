package sfere

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// FuzzControl gives a node what another one might say or ask beside messages. Whatever
// that is, it is answered with JSON, or refused, and no more is remembered than there
// is room for.
func FuzzControl(f *testing.F) {
	k := ID("lobby", "ann").In(DefaultScope)
	at := relay.Clock(time.Now().UnixNano())
	one := relay.Claimed{Key: addressOf(k), Owner: "ann", Since: at, At: at, For: time.Minute, Left: time.Second}
	held, over, released := one, one, one
	held.Stream, over.Over, released.Released = true, true, true
	for _, c := range []control{
		{Want: true},
		{Deny: []denial{{Key: k, At: time.Now(), Until: time.Now().Add(time.Hour)}}},
		{Let: []letting{{To: relay.Address{Category: "lobby"}, At: time.Now()}}},
		{Bid: &bidding{at, []want{{k, "ann", false}, {k, "", true}}}},
		{Claims: &relay.Claims{Start: at, Parts: 1, All: []relay.Claimed{one, held, over, released}}},
		{Claims: &relay.Claims{Start: at, Part: 7, Parts: 1 << 40}},
	} {
		text, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(`{"bid":{"at":9223372036854775807,"wants":[{"key":"a/b/c","owner":"` + strings.Repeat("x", 2000) + `"}]}}`)
	f.Add(`{"claims":{"all":[{"key":{"scope":"*"},"owner":"x","at":1,"for":-1}]}}`)
	f.Add(`{"bid":{"at":1,"wants":[]}}`)
	c := New(&Options{Relay: relay.NewMemory(nil)})
	f.Cleanup(c.Close)
	if err := c.JoinRelay(f.Context()); err != nil {
		f.Fatal(err)
	}
	cl := c.cluster.Load()
	from := relay.ID{1}
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := cl.asked(from, []byte(text))
		if err == nil && !json.Valid(answer) {
			t.Errorf("the answer is %q", answer)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if ahead := time.Unix(0, int64(cl.book.clock)).Sub(time.Now()); ahead > aheadBy+time.Minute {
			t.Errorf("the clock is %v fast", ahead)
		}
		for k, i := range cl.book.remote.items.m {
			if k.Validate() != nil || len(i.value) == 0 {
				t.Errorf("%v is remembered with %d claims", k, len(i.value))
			}
		}
	})
}

// A bid gives way to an earlier one of another node until it is won, and to none after
// that, also if its own node was asked while it waited to be made again.
func TestLaterBidGivesWay(t *testing.T) {
	c := New(&Options{Relay: relay.NewMemory(nil)})
	defer c.Close()
	if err := c.JoinRelay(t.Context()); err != nil {
		t.Fatal(err)
	}
	cl := c.cluster.Load()
	k := ID("lobby", "ann").In(DefaultScope)
	mine := want{k, "ann", false}
	for _, tt := range []struct {
		reason string
		won    bool
		age    relay.Clock // of the other bid, against the one here
		other  want
		busy   bool
		err    error
	}{
		{"the earlier one of two is granted, and the later one is lost", false, -1, want{k, "bob", false}, false, errBusy},
		{"the later one has to wait", false, 1, want{k, "bob", false}, true, nil},
		{"a bid that is won does not give way", true, -1, want{k, "bob", false}, true, nil},
		{"two streams of one owner are none of each other's business", false, -1, want{k, "ann", false}, false, nil},
		{"but one of them may want to be alone", false, -1, want{k, "ann", true}, false, errBusy},
		{"nobody's bid is against every owner's", false, -1, want{k, "", true}, false, errBusy},
	} {
		b, _, err := cl.begin(nil, "claiming", func(time.Time) ([]want, error) { return []want{mine}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if tt.won {
			if err := cl.conclude("claiming", b, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		votes := cl.vote(relay.ID{1}, bidding{b.at + tt.age, []want{tt.other}})
		if len(votes) != 1 || votes[0].Busy != tt.busy || votes[0].Taken {
			t.Errorf("%s: verdicts %+v", tt.reason, votes)
		}
		if err := cl.conclude("claiming", b, nil, nil); err != tt.err {
			t.Errorf("%s: the bid here ends with %v, want %v", tt.reason, err, tt.err)
		}
		b.end()
	}
}
