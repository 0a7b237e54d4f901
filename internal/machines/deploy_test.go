//go:build linux

package machines

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/relay"
)

// balancer is what stands in front of the nodes: it sends each request to one that
// takes it, in turn.
type balancer struct {
	*httptest.Server
	to http.Transport

	mu    sync.Mutex // guards the rest
	hosts []string
	next  int
	short map[string]int // requests on their way to each host that are no streams
}

func newBalancer(t *testing.T) *balancer {
	b := &balancer{short: map[string]int{}}
	b.to.DisableKeepAlives = true // a request that was sent is never sent again
	b.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetXForwarded(); r.Out.URL.Scheme, r.Out.Host = "http", "" },
		FlushInterval: -1,
		Transport:     b,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:      log.New(io.Discard, "", 0), // of streams that are cut
	})
	t.Cleanup(func() {
		b.CloseClientConnections()
		b.Close()
	})
	return b
}

// RoundTrip sends a request to the first node that can be reached.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.next++
	n := b.next % len(b.hosts)
	hosts := slices.Concat(b.hosts[n:], b.hosts[:n])
	b.mu.Unlock()
	err := errors.New("no node is there")
	for _, host := range hosts {
		if !b.begin(r, host) {
			continue
		}
		r.URL.Host = host
		var res *http.Response
		res, err = b.to.RoundTrip(r)
		b.end(r, host)
		if err == nil {
			return res, nil
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			return nil, err // it may have been sent
		}
	}
	return nil, err
}

// begin notes a request that is no stream. It reports whether host still takes some.
func (b *balancer) begin(r *http.Request, host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := slices.Contains(b.hosts, host)
	if there && r.Method == "POST" {
		b.short[host]++
	}
	return there
}

func (b *balancer) end(r *http.Request, host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == "POST" {
		b.short[host]--
	}
}

// add sends requests to a node from now on.
func (b *balancer) add(m *machine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hosts = append(b.hosts, strings.TrimPrefix(m.url, "http://"))
}

// remove sends no more requests to a node, and waits until none is on its way there.
// net/http resets a connection that it has not accepted when it stops listening.
func (b *balancer) remove(t *testing.T, m *machine) {
	host := strings.TrimPrefix(m.url, "http://")
	b.mu.Lock()
	b.hosts = slices.DeleteFunc(b.hosts, func(h string) bool { return h == host })
	b.mu.Unlock()
	until(t, "no request is on its way to "+m.Name, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := b.short[host]; n > 0 {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
}

// deploy is a fleet of the first version behind a balancer.
type deploy struct {
	*fleet
	lb    *balancer
	nats  string
	nodes []*machine
}

func newDeploy(t *testing.T, notice time.Duration) *deploy {
	d := &deploy{nats: freeAddr(t)}
	startNATS(t, d.nats)
	d.fleet = newFleet(t, config{Window: 200 * time.Millisecond, Notice: notice, Page: true})
	d.lb = newBalancer(t)
	for _, name := range []string{"a1", "b1", "c1"} {
		d.add(name, 1)
	}
	return d
}

func (d *deploy) add(name string, version int) *machine {
	m := d.node(config{Name: name, Version: version, NATS: []string{natsAt(d.nats)}}, nil)
	d.nodes = append(d.nodes, m)
	d.lb.add(m)
	return m
}

// replace replaces one node after the other by one of the second version. After each,
// between is called.
func (d *deploy) replace(between func()) {
	for i, name := range []string{"a2", "b2", "c2"} {
		m := d.add(name, 2)
		for _, other := range d.live() {
			if other != m {
				d.sees(other, name, func(s status) bool { return s.state(name) == relay.Live })
			}
		}
		old := d.nodes[i]
		d.note(old)
		if d.base.Notice > 0 { // the balancer finds out by itself
			old.signal(syscall.SIGTERM)
			until(d.t, old.Name+" is not healthy", func() error { return d.drains(old) })
			d.lb.remove(d.t, old)
		} else {
			d.lb.remove(d.t, old)
			old.signal(syscall.SIGTERM)
		}
		for _, other := range d.live() {
			d.sees(other, old.Name+" say that it ends", func(s status) bool { return slices.Contains(s.Drainers, old.Name) })
		}
		old.left()
		for _, other := range d.live() {
			d.sees(other, "that "+old.Name+" has left", func(s status) bool { return s.state(old.Name) == relay.Left })
		}
		between()
	}
}

// drains asks a node for its health as a balancer does.
func (d *deploy) drains(m *machine) error {
	res, err := d.client.Get(m.url + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("it is %s", res.Status)
	}
	return nil
}

// unknown says something at a node of the second version that those of the first do not
// know, and checks what its sender is told.
func (d *deploy) unknown() {
	d.t.Helper()
	all := d.live()
	d.say(all[len(all)-1].url, "rival", "news", "cheer", false) // who misses it is told a gap
	s := d.say(all[len(all)-1].url, "acme", "news", "cheer", true)
	if s.err != nil || len(s.said.Silent) > 0 || s.said.Relay != "" {
		d.t.Errorf("%v %+v", s.err, s.said)
	}
	named := false
	for _, m := range all {
		why, ok := s.said.Unreached[m.Name]
		named = named || ok
		if ok && (m.Version == 2 || !strings.Contains(why, "machines/cheer")) {
			d.t.Errorf("%s of version %d says %q", m.Name, m.Version, why)
		}
	}
	if named != (s.said.Failed > 0) { // a node without streams of the room has nobody to tell
		d.t.Errorf("the report is %+v", s.said)
	}
}

// Two versions of the program replace each other under load, behind a balancer. No
// request fails, no page misses the last state, nothing comes twice, and what the first
// version does not know is told by name and loses nothing else.
func TestRollingDeployTwoVersions(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		notice       time.Duration
	}{
		{"the balancer first", "somebody takes the node out before it is told to end", 0},
		{"the node first", "the balancer asks for its health, and it goes on serving until then", 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.notice > 0 && testing.Short() {
				t.Skip("-short")
			}
			t.Log(c.reason)
			deployTwoVersions(t, c.notice)
		})
	}
}

func deployTwoVersions(t *testing.T, notice time.Duration) {
	d := newDeploy(t, notice)
	for i := range 8 {
		d.page(scopes[i%2], fmt.Sprintf("u%d", i), func(int) string { return d.lb.URL })
	}
	d.run()
	seen := map[string]bool{}
	for _, p := range d.pages {
		p.mu.Lock()
		for _, s := range p.streams {
			if s.node != "" {
				seen[s.node[1:]] = true
			}
		}
		p.mu.Unlock()
	}
	if !seen["1"] || !seen["2"] {
		t.Errorf("the pages have seen versions %v", seen)
	}
}

// run replaces all nodes under load.
func (d *deploy) run() {
	d.t.Helper()
	d.settle()
	places := map[string]func() string{}
	for i := range 4 {
		places[fmt.Sprint(i)] = func() string { return d.lb.URL }
	}
	l := d.load(places)
	l.more(d.t, 100)
	d.replace(func() {
		d.settle()
		d.unknown()
		l.more(d.t, 50)
	})
	l.end()
	d.settle()
	d.done()
	named := false
	for _, s := range d.sayings {
		if s.err != nil || s.said.Err != "" {
			d.t.Errorf("%s at %q had no answer: %v %s", s.message, s.Via, s.err, s.said.Err)
		}
		for _, why := range s.said.Unreached {
			named = named || strings.Contains(why, "machines/cheer")
		}
	}
	if !named {
		d.t.Error("no node of the first version was asked to run what it does not know: the test says nothing")
	}
}

// The same with people in Chromium, whose pages are loaded once.
func TestRollingDeployTwoVersionsInBrowser(t *testing.T) {
	t.Parallel()
	b := browser.New(t)
	d := newDeploy(t, 0)
	pages := map[string]*browser.Page{}
	for i, scope := range []string{"acme", "acme", "rival"} {
		user := fmt.Sprintf("%s-%d", scope, i)
		p := b.Page(t, user)
		p.Timeout = wait
		p.Go(fmt.Sprintf("%s/?scope=%s&room=%s&user=%s", d.lb.URL, scope, room, user))
		p.WaitEval(`document.querySelector("#node").textContent !== ""`)
		pages[user] = p
		d.more(scope)
	}
	for i := range 2 {
		d.page(scopes[i%2], fmt.Sprintf("u%d", i), func(int) string { return d.lb.URL })
	}
	d.run()
	known := map[string]bool{}
	for _, s := range d.sayings {
		known[id(s.message)] = true
	}
	for user, p := range pages {
		scope := strings.Split(user, "-")[0]
		want, err := readState(d.dir, scope, room)
		if err != nil {
			t.Fatal(err)
		}
		p.WaitText("#board", want)
		p.WaitEval(`document.querySelector("#node").textContent.endsWith("2")`)
		all := browser.Eval[[]string](p, `[...document.querySelectorAll("#log li")].map(e => e.dataset.m)`)
		t.Logf("%s has received %d messages", user, len(all))
		if len(all) < 100 {
			t.Errorf("%s has received %d messages: the test says nothing", user, len(all))
		}
		last, twice := map[[2]string]int{}, map[string]bool{}
		for _, text := range all {
			m, err := parseMessage(text)
			if err != nil || m.Scope != scope || m.Room != room || !known[id(m)] {
				t.Errorf("%s has received %q", user, text)
			}
			if twice[id(m)] {
				t.Errorf("%s has received %s twice", user, m)
			}
			twice[id(m)] = true
			of := [2]string{m.Sender, m.Via}
			if last[of] >= m.N {
				t.Errorf("%s has received %s after number %d", user, m, last[of])
			}
			last[of] = m.N
		}
		// What the page cannot know it has missed, it shows: the board has it.
		if diff := cmp.Diff(want, p.Text("#board")); diff != "" {
			t.Errorf("%s shows (-want +got):\n%s", user, diff)
		}
	}
}
