package sfere_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Who left last, and why, is known: a bounded number.
func TestRemovals(t *testing.T) {
	s := newServer(t, setup{})
	last := func(n int) (out []string) {
		for _, r := range s.conns.Removals() {
			if len(out) == n {
				break
			}
			if r.At.IsZero() || r.Info.ID == 0 {
				t.Errorf("a removal is %+v", r)
			}
			out = append(out, r.Keys[0].ID+" "+string(r.Cause))
		}
		return out
	}
	if got := s.conns.Removals(); len(got) != 0 {
		t.Errorf("before anybody has left: %v", got)
	}
	s.open("id=ann")
	s.dispatch(sfere.Close{To: sfere.Everyone(), Cause: "lunch"})
	s.removal()
	bob := s.open("id=bob")
	bob.Close()
	s.removal()
	if diff := cmp.Diff([]string{"bob " + string(sse.CauseClient), "ann lunch"}, last(5)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range 105 {
		s.open(fmt.Sprint("id=crowd", i))
		s.dispatch(sfere.Close{To: sfere.Everyone()})
		s.removal().Keys[0].ID = "changed" // it belongs to the hook
	}
	if diff := cmp.Diff([]string{"crowd104 closed", "crowd103 closed"}, last(2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(s.conns.Removals()); n != 100 {
		t.Errorf("%d are kept, want 100", n)
	}
	req := s.request("id=long")
	req.Header.Set("User-Agent", strings.Repeat("x", 10_000))
	long := twktest.Open(t, s.srv.Client(), req)
	wantText(t, long, "hello")
	long.Close()
	s.removal()
	if a := s.conns.Removals()[0].Info.UserAgent; len(a) != 256 {
		t.Errorf("%d bytes of a User-Agent are kept", len(a))
	}
}

// One tab of several is closed by the id of its stream.
func TestCloseOneStream(t *testing.T) {
	s := newServer(t, setup{})
	s.open("id=ann")
	second := s.open("id=ann")
	all, err := s.conns.Snapshot(sfere.Everyone())
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	id := all[0].Conn.ID
	key := sfere.Exactly(all[0].Keys[0])
	for _, tt := range []struct {
		reason  string
		streams []uint64
		want    sfere.Report
	}{
		{"nobody has it", []uint64{99}, sfere.Report{}},
		{"the first tab", []uint64{id, 99}, sfere.Report{Matched: 1, Delivered: 1}},
	} {
		if diff := cmp.Diff(tt.want, sfere.ReportOf(s.dispatch(sfere.Close{To: key, Streams: tt.streams}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	if rm := s.removal(); rm.Info.ID != id || rm.Cause != sse.CauseClosed {
		t.Errorf("removed is %+v", rm)
	}
	s.wantNone(second)
}
