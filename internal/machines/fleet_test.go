//go:build linux

package machines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The rooms of a fleet: two scopes with rooms of one name.
var scopes = []string{"acme", "rival"}

const room = "lobby"

// fleet is a program on several machines, its pages, and those who say something.
type fleet struct {
	t      *testing.T
	dir    string
	client *http.Client
	base   config // of the nodes

	mu      sync.Mutex // guards the fields below
	nodes   []*machine // that have been started, in order
	gaps    map[string][]gapEntry
	names   map[string]map[string]string // names of other nodes by id, for each node
	pages   []*page
	sayings []*saying
	last    map[string]int // numbers of senders
	others  map[string]int // pages of each scope that are not in pages
}

// saying is a message that somebody has tried to say.
type saying struct {
	message      // Via is empty if there was no answer
	kind         string
	report       bool
	began, ended time.Time
	err          error
	said         said
}

// newFleet returns a fleet without nodes. More is what its nodes have in common.
func newFleet(t *testing.T, more config) *fleet {
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	f := &fleet{
		t: t, dir: t.TempDir(), client: &http.Client{Transport: tr}, base: more,
		gaps: map[string][]gapEntry{}, names: map[string]map[string]string{}, last: map[string]int{}, others: map[string]int{},
	}
	f.base.Role, f.base.State = "node", f.dir
	if f.base.Beat == 0 {
		f.base.Beat = 100 * time.Millisecond
	}
	t.Cleanup(tr.CloseIdleConnections)
	t.Cleanup(f.closePages)
	return f
}

func (f *fleet) closePages() {
	f.mu.Lock()
	pages := slices.Clone(f.pages)
	f.mu.Unlock()
	for _, p := range pages {
		p.close()
	}
}

// node starts a node. c adds to what all nodes have.
func (f *fleet) node(c config, net *network) *machine {
	f.t.Helper()
	all := f.base
	all.Name, all.NATS, all.IP = c.Name, c.NATS, c.IP
	all.Version = max(c.Version, 1)
	m := start(f.t, all, listen(f.t), net)
	until(f.t, "the node "+c.Name+" answers", func() error { _, err := m.status(f.client); return err })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = append(f.nodes, m)
	return m
}

// live returns the nodes that have not ended.
func (f *fleet) live() (all []*machine) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.nodes {
		if m.alive() && !m.wanted.Load() {
			all = append(all, m)
		}
	}
	return all
}

// urls returns where the live nodes listen, m first.
func (f *fleet) urls(m *machine) (all []string) {
	for _, n := range f.live() {
		if n == m {
			all = slices.Insert(all, 0, n.url)
		} else {
			all = append(all, n.url)
		}
	}
	return all
}

// homePages opens n pages of each scope at m. They go elsewhere when it has ended.
func (f *fleet) homePages(m *machine, n int) {
	for _, scope := range scopes {
		for i := range n {
			f.page(scope, fmt.Sprintf("%s-%d", m.Name, i), func(try int) string {
				if all := f.urls(m); len(all) > 0 {
					return all[0]
				}
				return m.url
			})
		}
	}
}

func (f *fleet) page(scope, user string, base func(int) string) {
	p := openPage(f.client, scope, room, user, base)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages = append(f.pages, p)
}

// more notes a page that others read.
func (f *fleet) more(scope string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.others[scope]++
}

// say says the next message of a sender at a URL.
func (f *fleet) say(base, scope, sender, kind string, report bool) *saying {
	key := scope + "/" + sender
	f.mu.Lock()
	f.last[key]++
	s := &saying{message: message{Scope: scope, Room: room, Sender: sender, N: f.last[key]}, kind: kind, report: report}
	f.mu.Unlock()
	q := url.Values{"scope": {scope}, "room": {room}, "sender": {sender}, "n": {fmt.Sprint(s.N)}, "kind": {kind}}
	if report {
		q.Set("report", "cluster")
	}
	s.began = time.Now()
	s.err = f.post(base+"/say?"+q.Encode(), &s.said)
	s.ended = time.Now()
	s.Via = s.said.Via
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sayings = append(f.sayings, s)
	return s
}

func (f *fleet) post(url string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", url, nil)
	if err != nil {
		return err
	}
	res, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
		return fmt.Errorf("%s: %s", res.Status, text)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// load has senders say something at each of some nodes, one of each scope, until the
// function that it returns is called. Where is the URL of a node at the moment.
type load struct {
	stop    chan struct{}
	running sync.WaitGroup
	count   atomic.Int64
}

// pace is how often each sender says something.
const pace = 15 * time.Millisecond

func (f *fleet) load(places map[string]func() string) *load {
	l := &load{stop: make(chan struct{})}
	for name, where := range places {
		for _, scope := range scopes {
			l.running.Go(func() {
				tick := time.NewTicker(pace)
				defer tick.Stop()
				for i := 0; ; i++ {
					select {
					case <-l.stop:
						return
					case <-tick.C:
					}
					kind := ""
					if i%5 == 4 {
						kind = "each"
					}
					f.say(where(), scope, "s"+name, kind, i%3 == 0)
					l.count.Add(1)
				}
			})
		}
	}
	f.t.Cleanup(l.end)
	return l
}

// loadNodes is load at each of the nodes, and elsewhere when one has ended.
func (f *fleet) loadNodes(nodes ...*machine) *load {
	places := map[string]func() string{}
	for _, m := range nodes {
		places[m.Name] = func() string { return f.urls(m)[0] }
	}
	return f.load(places)
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.running.Wait()
}

// more waits until n more messages have been said.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	at := l.count.Load() + int64(n)
	until(t, "messages are said", func() error {
		if got := l.count.Load(); got < at {
			return fmt.Errorf("%d of %d", got, at)
		}
		return nil
	})
}

// settle waits until what is said at each live node reaches every page.
func (f *fleet) settle() {
	f.t.Helper()
	for _, scope := range scopes {
		f.mu.Lock()
		want := f.others[scope]
		for _, p := range f.pages {
			if p.scope == scope {
				want++
			}
		}
		f.mu.Unlock()
		for _, m := range f.live() {
			until(f.t, fmt.Sprintf("what is said at %s reaches the %d pages of %s", m.Name, want, scope), func() error {
				s := f.say(m.url, scope, "p"+m.Name, "", true)
				if s.err != nil || s.said.Delivered != want || len(s.said.Silent)+len(s.said.Unreached) > 0 || s.said.Relay != "" {
					return fmt.Errorf("%v %+v", s.err, s.said)
				}
				return nil
			})
		}
	}
}

// note keeps the gaps of a node, which is about to end.
func (f *fleet) note(m *machine) {
	f.t.Helper()
	is, err := m.status(f.client)
	if err != nil {
		f.t.Fatal(err)
	}
	names := map[string]string{}
	for id, o := range is.Members {
		names[id.String()] = o.Name
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gaps[m.Name], f.names[m.Name] = is.Gaps, names
}

// sees waits until the status of m is as wanted.
func (f *fleet) sees(m *machine, what string, is func(status) bool) {
	f.t.Helper()
	until(f.t, m.Name+" sees "+what, func() error {
		s, err := m.status(f.client)
		if err == nil && !is(s) {
			err = fmt.Errorf("%+v", s.Members)
		}
		return err
	})
}

// natsAt returns the URL of a server.
func natsAt(addr string) string { return "nats://" + addr }
