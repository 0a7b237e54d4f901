package sfere_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/twk"
)

// listed returns what all pages from the first one on list, each connection as its first
// key and the name of its node.
func listed(t *testing.T, c *sfere.Conns, p sfere.Pattern, limit int) (out []string) {
	t.Helper()
	for after := ""; ; {
		page, err := c.ListNodes(t.Context(), p, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Conns) > limit {
			t.Errorf("a page has %d connections, want at most %d", len(page.Conns), limit)
		}
		for _, i := range page.Conns {
			node, _, _ := strings.Cut(i.Node, " (")
			out = append(out, i.Keys[0].ID+"@"+node)
		}
		if after = page.Next; after == "" {
			return out
		}
	}
}

// fates returns what became of the question at each node, by name.
func fates(p sfere.Page) (out []string) {
	for _, n := range p.Nodes {
		text := n.Name + " " + string(n.State) + " " + string(n.Fate)
		if n.Count != nil {
			text += fmt.Sprintf(" %d of %d", n.Count.Matched, n.Count.All)
		}
		out = append(out, text)
	}
	return out
}

// The connections of all machines are on exactly one of the pages that follow each other,
// in the order of their keys, each with its machine; counts are of all of them.
func TestListNodes(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 3, setup{}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		var want []string
		for i := range 40 { // p00 to p09 on one node, others on two
			for n, r := range rs {
				if i%3 == n || i >= 10 && (i+1)%3 == n {
					r.visit(fmt.Sprintf("id=p%02d", i))
					want = append(want, fmt.Sprintf("p%02d@%c", i, 'a'+n))
				}
			}
		}
		time.Sleep(2 * time.Second)             // every node has said who it is
		byKey := func(list []string) []string { // nodes under one key are in the order of their ids
			list = slices.Clone(list)
			slices.Sort(list)
			return list
		}
		for _, limit := range []int{1, 2, 7, 70, 1000} {
			got := listed(t, rs[1].conns, sfere.Category("lobby"), limit)
			if !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(a[:3], b[:3]) }) {
				t.Errorf("pages of %d are not in the order of keys: %v", limit, got)
			}
			if diff := cmp.Diff(want, byKey(got)); diff != "" {
				t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
			}
		}
		page, err := rs[2].conns.ListNodes(t.Context(), sfere.Exactly(key("p11")), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a live taken 1 of 24", "b live taken 0 of 23", "c live taken 1 of 23"}, fates(page)); diff != "" {
			t.Errorf("nodes (-want +got):\n%s", diff)
		}
		if page.Matched != 2 || page.All != 70 || page.Categories["lobby"] != 2 || page.Next != "" || page.Conns != nil {
			t.Errorf("the counts are %+v", page)
		}
		for _, n := range page.Nodes {
			if n.Stats == nil || n.Stats.Nodes != 3 || n.Started.IsZero() || n.Self != (n.Name == "c") {
				t.Errorf("node %+v", n)
			}
		}
		for _, after := range []string{"x", "default/lobby/p01#1", "default/lobby/p01#1@x", "@" + page.Nodes[0].ID.String()} {
			if _, err := rs[0].conns.ListNodes(t.Context(), sfere.Everyone(), after, 5); err == nil || !strings.Contains(err.Error(), "Page.Next") {
				t.Errorf("after %q: %v", after, err)
			}
		}
	})
}

// What a page of another machine names can be closed from here, by its number.
func TestListedStreamIsClosed(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 2, setup{}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		first, second := rs[1].visit("id=ann"), rs[1].visit("id=ann")
		settle()
		page, err := rs[0].conns.ListNodes(t.Context(), sfere.Category("lobby"), "", 10)
		if err != nil || len(page.Conns) != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		res := rs[0].dispatch(sfere.Close{To: sfere.Exactly(key("ann")), Streams: []uint64{page.Conns[1].Conn.ID}, Report: "cluster"})
		if rep := sfere.ReportOf(res); rep.Delivered != 1 {
			t.Errorf("report %+v", rep)
		}
		left := second
		select {
		case <-first.left:
		case <-second.left:
			left = first
		}
		rs[1].wantCount(sfere.Category("lobby"), 1)
		left.close()
	})
}

// A node that does not answer is told as silent, and later as down, never as one without
// connections.
func TestSilentNodeIsListed(t *testing.T) {
	t.Parallel()
	faulty := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }
	inCluster(t, faulty, 3, setup{}, func(t *testing.T, bus relay.Relay, rs []*rig) {
		for i, r := range rs {
			r.visit(fmt.Sprint("id=p", i))
		}
		settle()
		look := func(want ...string) {
			t.Helper()
			page, err := rs[0].conns.ListNodes(t.Context(), sfere.Everyone(), "", 10)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, fates(page)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if page.Matched != len(page.Conns) {
				t.Errorf("%d match and %d are listed", page.Matched, len(page.Conns))
			}
		}
		look("a live taken 1 of 1", "b live taken 1 of 1", "c live taken 1 of 1")
		bus.(*relay.Faulty).Split(2)
		look("a live taken 1 of 1", "b live taken 1 of 1", "c live silent")
		time.Sleep(5 * time.Second)
		look("a live taken 1 of 1", "b live taken 1 of 1", "c suspect silent")
		time.Sleep(10 * time.Second)
		look("a live taken 1 of 1", "b live taken 1 of 1", "c down ")
		bus.(*relay.Faulty).Heal()
		time.Sleep(2 * time.Second)
		look("a live taken 1 of 1", "b live taken 1 of 1", "c live taken 1 of 1")
		bus.(*relay.Faulty).Disconnect(0)
		synctest.Wait()
		page, _ := rs[0].conns.ListNodes(t.Context(), sfere.Everyone(), "", 10)
		if n := page.Nodes[1]; n.Fate != relay.Silent || n.Reason == "" || page.Matched != 1 {
			t.Errorf("without a connection a node is %+v", n)
		}
		bus.(*relay.Faulty).Reconnect(0)
		settle()
		if got := rs[0].conns.Nodes(); len(got) != 3 || got[0].Stats == nil || got[1].Stats != nil || got[1].Fate != "" {
			t.Errorf("without asking the nodes are %+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if page, err := rs[0].conns.ListNodes(ctx, sfere.Everyone(), "", 10); err != nil || page.Nodes[1].Fate != relay.Silent {
			t.Errorf("after the end of the context: %+v, %v", page.Nodes, err)
		}
	})
}

// Nobody is shown a connection of another scope by leaving the scope out.
func TestListNodesKeepsScopes(t *testing.T) {
	t.Parallel()
	opts := sfere.Options{Scope: func(r *twk.Request) (string, error) { return r.URL.Query().Get("scope"), nil }}
	inCluster(t, memoryBus, 2, setup{opts: opts}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		rs[0].visit("scope=acme&id=ann")
		rs[1].visit("scope=acme&id=bob")
		rs[1].visit("scope=rival&id=eve")
		settle()
		if _, err := rs[0].conns.ListNodes(t.Context(), sfere.Category("lobby"), "", 10); !errors.Is(err, sfere.ErrNoScope) {
			t.Errorf("without a scope: %v", err)
		}
		if diff := cmp.Diff([]string{"ann@a", "bob@b"}, listed(t, rs[0].conns, sfere.Category("lobby").In("acme"), 10)); diff != "" {
			t.Errorf("acme (-want +got):\n%s", diff)
		}
		if got := listed(t, rs[0].conns, sfere.Category("lobby").AllScopes(), 10); len(got) != 3 {
			t.Errorf("all scopes: %v", got)
		}
	})
}

// What a node says is used only if it can be: a node that lies hides nothing of others and
// adds nothing.
func TestHostileLists(t *testing.T) {
	t.Parallel()
	k := func(id string) string { return `{"scope":"default","category":"lobby","id":"` + id + `"}` }
	row := func(key string, id int, info string) string {
		return fmt.Sprintf(`{"key":%s,"id":%d,"info":{"keys":[%s],"conn":{"id":7}%s}}`, key, id, key, info)
	}
	list := func(rest string, rows ...string) string {
		return fmt.Sprintf(`{"listed":{"matched":2,"all":5,"rows":[%s]%s}}`, strings.Join(rows, ","), rest)
	}
	many := strings.Repeat("x", 2000)
	for _, tt := range []struct {
		reason, answer, want string
		fine                 bool
	}{
		{"as a node says it", list(`,"scopes":{"default":2}`, row(k("m"), 1, ""), row(k("m"), 2, `,"views":["a/b"]`)), "", true},
		{"of an older version", `{}`, "of another version", false},
		{"no object", `[1,2]`, "cannot be used", false},
		{"another type", `{"listed":{"matched":"2"}}`, "cannot be used", false},
		{"a negative count", `{"listed":{"matched":-2}}`, "make no sense", false},
		{"more than can be", `{"listed":{"matched":9999999999,"all":9999999999}}`, "make no sense", false},
		{"more than there are", `{"listed":{"matched":3,"all":2}}`, "make no sense", false},
		{"a scope that is none", list(`,"scopes":{"*":2}`), "must not be", false},
		{"a negative count of a category", list(`,"categories":{"lobby":-1}`), "make no sense", false},
		{"more than was asked for", list("", slices.Repeat([]string{row(k("m"), 1, "")}, 11)...), "at most 10", false},
		{"not in order", list("", row(k("n"), 2, ""), row(k("m"), 1, "")), "out of order", false},
		{"twice the same", list("", row(k("m"), 1, ""), row(k("m"), 1, "")), "out of order", false},
		{"a key of another category", list("", row(strings.Replace(k("m"), "lobby", "secret", 1), 1, "")), "not asked for", false},
		{"a key that is none", list("", row(k("*"), 1, "")), "*", false},
		{"under keys that it does not have", list("", `{"key":`+k("m")+`,"id":1,"info":{"keys":[`+k("n")+`]}}`), "listed under", false},
		{"no keys", list("", `{"key":`+k("m")+`,"id":1,"info":{}}`), "listed under", false},
		{"a long view", list("", row(k("m"), 1, `,"views":["`+many+`"]`)), "too long", false},
		{"many views", list("", row(k("m"), 1, `,"views":["1","2","3","4","5","6","7","8","9"]`)), "too long", false},
		{"a long client", list("", `{"key":`+k("m")+`,"id":1,"info":{"keys":[`+k("m")+`],"conn":{"userAgent":"`+many+`"}}}`), "too long", false},
		{"a number of no stream", list("", `{"key":`+k("m")+`,"id":1,"info":{"keys":[`+k("m")+`],"conn":{"id":18446744073709551615}}}`), "no sense", false},
		{"it ends before it begins", list(`,"end":{"key":`+k("a")+`,"id":1}`, row(k("m"), 1, "")), "end is out of order", false},
		{"nothing comes before its end", list(`,"end":{"key":` + k("a") + `,"id":0}`), "", true},
		{"it names another node", list("", row(k("m"), 1, `,"node":"a (12345678)"`)), "", true},
		{"always at work", `{"listed":{"pending":true}}`, "", false},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			inCluster(t, memoryBus, 2, setup{}, func(t *testing.T, bus relay.Relay, rs []*rig) {
				rs[0].visit("id=ann")
				rs[1].visit("id=zoe")
				m, err := relay.Join(t.Context(), bus, &relay.Options{Name: "mallory", Answer: func(relay.Question) (json.RawMessage, error) {
					return json.RawMessage(tt.answer), nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close(t.Context())
				settle()
				page, err := rs[0].conns.ListNodes(t.Context(), sfere.Category("lobby"), "", 10)
				if err != nil {
					t.Fatal(err)
				}
				n := page.Nodes[2]
				switch got := n.Fate == relay.Taken; {
				case n.Name != "mallory" || got != tt.fine:
					t.Errorf("it is %+v", n)
				case !strings.Contains(n.Reason, tt.want):
					t.Errorf("reason %q, want one with %q", n.Reason, tt.want)
				}
				var of []string
				for _, i := range page.Conns {
					if strings.HasPrefix(i.Node, "mallory ") != (i.Keys[0].ID == "m") {
						t.Errorf("%v is of node %s", i.Keys, i.Node)
					}
					if i.Keys[0].ID != "m" {
						of = append(of, i.Keys[0].ID)
					}
				}
				if want := 2; !tt.fine && (page.Matched != want || len(page.Conns) != want || page.All != want) {
					t.Errorf("%d match, %d in all, %d are listed, want 2", page.Matched, page.All, len(page.Conns))
				}
				if page.Next == "" && !slices.Equal(of, []string{"ann", "zoe"}) {
					t.Errorf("of others there are %v", of)
				}
			})
		})
	}
}

// A hostile question is an error of its node, and no more.
func TestHostileListQuestions(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 1, setup{}, func(t *testing.T, bus relay.Relay, rs []*rig) {
		rs[0].visit("id=ann")
		m, err := relay.Join(t.Context(), bus, &relay.Options{Name: "mallory"})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(t.Context())
		settle()
		for _, q := range []string{
			`{"list":{"to":{"scope":"*"},"limit":5}}`,
			`{"list":{"to":{"scope":"` + strings.Repeat("x", 5000) + `"},"limit":5}}`,
			`{"list":{"to":{},"after":{"key":{"scope":"","category":"","id":""},"id":1,"node":"00"},"limit":5}}`,
			`{"list":{"to":{},"after":{},"limit":5}}`,
			`{"list":7}`,
		} {
			answers, err := m.Ask(t.Context(), relay.Sent{}, json.RawMessage(q))
			if err != nil || len(answers) != 1 || answers[0].Fate != relay.Failed {
				t.Errorf("%.60s is answered %+v, %v", q, answers, err)
			}
		}
		for _, limit := range []int{-1, 1 << 40} {
			answers, _ := m.Ask(t.Context(), relay.Sent{}, fmt.Appendf(nil, `{"list":{"to":{},"limit":%d}}`, limit))
			if len(answers) != 1 || answers[0].Fate != relay.Taken {
				t.Errorf("limit %d is answered %+v", limit, answers)
			}
		}
		synctest.Wait()
	})
}

// Without a relay the machines are this one, and its pages are the same.
func TestListNodesWithoutRelay(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{}, func(t *testing.T, r *rig) {
		r.visit("id=ann")
		r.visit("id=bob")
		synctest.Wait()
		one, err1 := r.conns.Page(sfere.Everyone(), "", 1)
		all, err2 := r.conns.ListNodes(t.Context(), sfere.Everyone(), "", 1)
		if diff := cmp.Diff(one, all); diff != "" || err1 != nil || err2 != nil || r.conns.Nodes() != nil {
			t.Errorf("%v, %v (-Page +ListNodes):\n%s", err1, err2, diff)
		}
	})
}

// The same over NATS, with a node whose program is stuck in a hook.
func TestListNodesOverNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a NATS server")
	}
	nats, err := natsrelay.StartEmbedded(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Close)
	stuck, release := make(chan struct{}), make(chan struct{})
	stop := sync.OnceFunc(func() { close(stuck) })
	var ss []*server
	for i := range 3 {
		o := &relay.Options{Name: string(rune('a' + i)), Keys: [][]byte{[]byte("a key of at least 16 bytes")}}
		if i == 2 {
			o.Changed = func(m relay.Member) {
				if m.Draining {
					stop()
					<-release
				}
			}
		}
		s := newServer(t, setup{opts: sfere.Options{Relay: natsrelay.New(nats.URL(), nil), Node: o}})
		if err := s.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.conns.Close)
		s.open(id(fmt.Sprint("p", i)))
		ss = append(ss, s)
	}
	var page sfere.Page
	until(t, "all answer", func() bool {
		page, err = ss[0].conns.ListNodes(t.Context(), sfere.Category("lobby"), "", 10)
		return err != nil || page.Matched == 3
	})
	if diff := cmp.Diff([]string{"a live taken 1 of 1", "b live taken 1 of 1", "c live taken 1 of 1"}, fates(page)); err != nil || diff != "" {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	d, err := relay.Join(t.Context(), natsrelay.New(nats.URL(), nil), &relay.Options{Name: "d", Keys: [][]byte{[]byte("a key of at least 16 bytes")}})
	if err != nil {
		t.Fatal(err)
	}
	d.Drain()
	<-stuck
	page, err = ss[0].conns.ListNodes(t.Context(), sfere.Category("lobby"), "", 10)
	if got := fates(page); err != nil || page.Matched != 2 || len(page.Conns) != 2 || got[2] != "c live silent" {
		t.Errorf("with a node that is stuck: %v, %v", got, err)
	}
	close(release)
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
