package sse_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Clients of all kinds come and go for as long as SFERE_SOAK says, such as 10m,
// and for eight rounds of 3 s at least; without it the test is skipped. make soak
// runs it. Nobody may see an event of somebody else or an older one, every stream that
// opens has to end, and what the process holds when all are gone must not grow from
// round to round: heap, goroutines, descriptors and timers.
func TestSoak(t *testing.T) {
	total, err := time.ParseDuration(os.Getenv("SFERE_SOAK"))
	if err != nil || total <= 0 {
		t.Skip("it needs time: set SFERE_SOAK to a duration such as 10m, for each transport, or use make soak")
	}
	for _, via := range transports {
		if via.hub.Writers == 0 {
			t.Run(via.name, func(t *testing.T) { soakFor(t, via.hub, total) })
		}
	}
}

// soak is a server with clients that come and go.
type soak struct {
	*rig
	own  *sse.Hub // whose streams have a compressor each
	room sse.Audience

	opened, ended, answers, events atomic.Int64

	mu       sync.Mutex
	unopened map[string]bool // streams that were closed before their first event, in this round
	wrong    []string        // events that were those of another stream, older than the one before, or damaged
	live     map[*sse.Conn]bool
	seats    map[string]*sse.Conn // the newest stream of a name; it replaces the one before
}

func soakFor(t *testing.T, hub sse.HubOptions, total time.Duration) {
	hub.WriteTimeout, hub.Heartbeat, hub.MaxFrames, hub.Compress = time.Second, time.Second, 64, true
	s := &soak{rig: newRig(t, setup{hub: hub, server: smallBuffers}), live: map[*sse.Conn]bool{}, seats: map[string]*sse.Conn{}, unopened: map[string]bool{}}
	hub.PerStream = []sse.Compressor{compress.Gzip(1)}
	s.own = sse.NewHub(&hub)
	s.mux.HandleFunc("/s", s.serve(s.hub, false))
	s.mux.HandleFunc("/own", s.serve(s.own, false))
	s.mux.HandleFunc("POST /act", s.serve(s.hub, true))

	var table growth
	length := min(max(total/40, 3*time.Second), 30*time.Second)
	for end := time.Now().Add(total); len(table.rows) < leastRounds || time.Now().Before(end); {
		s.round(length)
		until(t, "all streams are gone", func() bool { return s.hub.Len()+s.own.Len() == 0 })
		clear(s.unopened)
		table.add(t, s.opened.Load())
	}
	t.Logf("%d streams opened and %d ended; %d short answers; %d events were read", s.opened.Load(), s.ended.Load(), s.answers.Load(), s.events.Load())
	if s.opened.Load() != s.ended.Load() || s.opened.Load() == 0 {
		t.Errorf("%d streams opened and %d ended", s.opened.Load(), s.ended.Load())
	}
	if len(s.wrong) > 0 || s.events.Load() == 0 {
		t.Errorf("%d of %d events were wrong, such as:\n%s", len(s.wrong), s.events.Load(), strings.Join(s.wrong[:min(len(s.wrong), 10)], "\n"))
	}
	if log := s.log(); log != "" {
		t.Errorf("the server logged: %.2000s", log)
	}
	table.judge(t)
}

// serve answers with a stream whose first event names its client.
func (s *soak) serve(h *sse.Hub, short bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		o := sse.ServeOptions{Short: short, Closed: func(c *sse.Conn) { s.left(c, r.URL.Query().Get("seat")) }}
		err := h.Serve(w, r, &o, func(ctx context.Context, c *sse.Conn) error {
			s.opened.Add(1)
			s.join(c, r.URL.Query().Get("seat"))
			err := c.EmitFirst(ctx, n("for="+r.URL.Query().Get("id")))
			if err != nil { // it has been replaced already
				s.mu.Lock()
				s.unopened[r.URL.Query().Get("id")] = true
				s.mu.Unlock()
			}
			return nil
		})
		if err != nil {
			sse.Refuse(w, err)
		}
	}
}

func (s *soak) join(c *sse.Conn, seat string) {
	s.mu.Lock()
	s.live[c] = true
	old := s.seats[seat]
	if seat != "" {
		s.seats[seat] = c
	}
	s.mu.Unlock()
	if old != nil {
		old.Close("replaced")
	}
}

func (s *soak) left(c *sse.Conn, seat string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended.Add(1)
	delete(s.live, c)
	if s.seats[seat] == c {
		delete(s.seats, seat)
	}
}

// round lets clients come and go for a while. All have left when it returns.
func (s *soak) round(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.talk(ctx) })
	for range 120 {
		wg.Go(func() {
			for ctx.Err() == nil {
				s.client(ctx)
			}
		})
	}
	wg.Wait()
}

// talk sends to everybody and closes streams.
func (s *soak) talk(ctx context.Context) {
	for seq := 1; ctx.Err() == nil; seq++ {
		s.mu.Lock()
		var all []*sse.Conn
		for c := range s.live {
			all = append(all, c)
		}
		s.mu.Unlock()
		event := n(fmt.Sprintf("seq=%d;%s", seq, strings.Repeat("x", rand.IntN(6000))))
		s.room.Fanout(all, s.hub.Prepare([]*sse.Frame{event}, &s.room), nil)
		if len(all) > 0 && rand.IntN(4) == 0 {
			all[rand.IntN(len(all))].Close([]sse.Cause{sse.CauseClosed, sse.CauseSlow, sse.CauseExpired}[rand.IntN(3)])
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// client is one client, of a random kind.
func (s *soak) client(ctx context.Context) {
	d := net.Dialer{}
	conn, err := d.DialContext(ctx, "tcp", s.srv.Listener.Addr().String())
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return
	}
	nc := conn.(*net.TCPConn)
	defer nc.Close()
	stop := time.Now().Add(rand.N(2500 * time.Millisecond))
	if end, _ := ctx.Deadline(); stop.After(end) {
		stop = end
	}
	_ = nc.SetDeadline(stop)
	id := fmt.Sprint(rand.Uint64())
	asked := ""
	ask := func(path, more string) {
		asked = path + " " + more
		fmt.Fprintf(nc, "%s HTTP/1.1\r\nHost: test\r\n%s\r\n", path, more)
	}
	stream := "GET /s?id=" + id
	switch rand.IntN(12) {
	case 0: // reads nothing, until it is cut
		_ = nc.SetReadBuffer(4096)
		ask(stream, "")
		end, _ := ctx.Deadline()
		sleep(ctx, min(2*time.Second, time.Until(end)))
	case 1: // reads, slowly
		_ = nc.SetReadBuffer(4096)
		ask(stream, "")
		for b := make([]byte, 64); err == nil; sleep(ctx, 10*time.Millisecond) {
			_, err = nc.Read(b)
		}
	case 2: // sends more than its request
		ask(stream, "")
		go io.WriteString(nc, strings.Repeat("garbage", 100))
		s.read(nc, asked, id)
	case 3: // closes its half
		ask(stream, "")
		half := time.AfterFunc(time.Until(stop)/2, func() { _ = nc.CloseWrite() })
		s.read(nc, asked, id)
		half.Stop()
	case 4: // resets
		ask(stream, "")
		s.read(nc, asked, id)
		_ = nc.SetLinger(0)
	case 5: // is replaced by the next one of its name, or replaces it
		ask(fmt.Sprintf("%s&seat=%d", stream, rand.IntN(4)), "")
		s.read(nc, asked, id)
	case 6:
		ask(stream, "Accept-Encoding: gzip\r\n")
		s.read(nc, asked, id)
	case 7:
		ask("GET /own?id="+id, "Accept-Encoding: gzip\r\n")
		s.read(nc, asked, id)
	case 8: // the body comes late
		ask("POST /s?id="+id, "Content-Length: 1000\r\n")
		body := time.AfterFunc(time.Until(stop)/2, func() { _, _ = io.WriteString(nc, strings.Repeat("b", 1000)) })
		s.read(nc, asked, id)
		body.Stop()
	case 9: // the body comes never
		ask("POST /s?id="+id, "Content-Length: 1000\r\n")
		s.read(nc, asked, id)
	case 10:
		ask("POST /act?id="+id, "Content-Length: 0\r\nConnection: close\r\n")
		s.read(nc, asked, id)
		s.answers.Add(1)
		sleep(ctx, rand.N(300*time.Millisecond))
	default:
		ask(stream, "")
		s.read(nc, asked, id)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// read reads events until the stream or its client ends, and checks whose they are
// and their order.
func (s *soak) read(nc net.Conn, asked, id string) {
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return
	}
	body := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return
		}
	}
	last := ""
	for e, err := range twktest.Parse(body) {
		if err != nil {
			return
		}
		if e.Comment != nil { // a heartbeat
			continue
		}
		s.events.Add(1)
		v, seq, before := got1(e), 0, 0
		switch {
		case last == "" && v == `"for=`+id+`"`:
		case last == "" && number(v, &seq) && s.neverOpened(id): // it gets what it had taken
		case strings.HasPrefix(last, `"for=`) && number(v, &seq):
		case number(last, &before) && number(v, &seq) && seq > before:
		default:
			s.mu.Lock()
			s.wrong = append(s.wrong, fmt.Sprintf("%s, encoding %q: %.200q after %.200q", asked, res.Header.Get("Content-Encoding"), e.Data, last))
			s.mu.Unlock()
		}
		last = v
	}
}

// neverOpened reports whether a stream was closed before its first event.
func (s *soak) neverOpened(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unopened[id]
}

// number reads the number of a broadcast event.
func number(v string, seq *int) bool {
	k, err := fmt.Sscanf(v, `"seq=%d;`, seq)
	return k == 1 && err == nil
}
