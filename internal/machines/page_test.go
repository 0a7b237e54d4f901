//go:build linux

package machines

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/sfere-go/sfere/twk/twktest"
)

// page reads a room as a browser does: when its stream ends, it opens another one.
type page struct {
	scope, room, user string
	client            *http.Client
	base              func(try int) string // where the next stream is opened
	end               context.CancelFunc
	done              chan struct{}

	mu      sync.Mutex // guards the rest
	streams []*stream
}

// stream is one stream of a page.
type stream struct {
	node  string
	items []message
	board string
	errs  []string // what should never come
	ended bool
}

// again is how long a page waits before it opens the next stream.
const again = 20 * time.Millisecond

func openPage(client *http.Client, scope, room, user string, base func(try int) string) *page {
	ctx, end := context.WithCancel(context.Background())
	p := &page{scope: scope, room: room, user: user, client: client, base: base, end: end, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for try := 0; ctx.Err() == nil; try++ {
			p.read(ctx, base(try))
			select {
			case <-time.After(again):
			case <-ctx.Done():
			}
		}
	}()
	return p
}

// close ends the page and waits for that.
func (p *page) close() { p.end(); <-p.done }

// read opens a stream and reads it to its end.
func (p *page) read(ctx context.Context, base string) {
	q := url.Values{"scope": {p.scope}, "room": {p.room}, "user": {p.user}}
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/live?"+q.Encode(), nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Datastar-Request", "true")
	res, err := p.client.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return
	}
	s := &stream{}
	p.mu.Lock()
	p.streams = append(p.streams, s)
	p.mu.Unlock()
	for ev, err := range twktest.Parse(res.Body) {
		if err != nil {
			break
		}
		p.mu.Lock()
		p.take(s, ev)
		p.mu.Unlock()
	}
	p.mu.Lock()
	s.ended = true
	p.mu.Unlock()
}

var (
	itemForm  = regexp.MustCompile(`<li data-m="([^"]+)">`)
	boardForm = regexp.MustCompile(`<p id="board" data-of="([^"]+)" data-version="\d+">([^<]*)</p>`)
)

// take takes one event. p.mu is held.
func (p *page) take(s *stream, ev twktest.Event) {
	if ev.Comment != nil {
		return
	}
	wrong := func(format string, a ...any) { s.errs = append(s.errs, fmt.Sprintf(format, a...)) }
	if err := ev.Check(); err != nil {
		wrong("%v", err)
	}
	f := ev.Fields()
	if m := itemForm.FindStringSubmatch(f["elements"]); m != nil {
		it, err := parseMessage(m[1])
		if err != nil || it.Scope != p.scope || it.Room != p.room {
			wrong("it is in %s/%s and has received %q", p.scope, p.room, m[1])
		}
		s.items = append(s.items, it)
		return
	}
	if m := boardForm.FindStringSubmatch(f["elements"]); m != nil {
		if m[1] != p.scope+"/"+p.room {
			wrong("it is in %s/%s and is shown the board of %s", p.scope, p.room, m[1])
		}
		s.board = m[2]
		return
	}
	if text := f["signals"]; text != "" {
		var v struct{ Node string }
		if err := json.Unmarshal([]byte(text), &v); err == nil && v.Node != "" {
			s.node = v.Node
			return
		}
	}
	wrong("an event that nobody has sent: %+v", ev)
}

// current returns the stream that is open.
func (p *page) current() (s stream, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.streams) == 0 {
		return s, false
	}
	last := p.streams[len(p.streams)-1]
	return *last, !last.ended && last.node != ""
}
