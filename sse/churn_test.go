package sse_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
)

// churnTime is how long each half of TestChurn runs: 1 s, less with -short, and what
// SFERE_CHURN says, such as 20s, in a long run.
func churnTime(t *testing.T) time.Duration {
	switch d, err := time.ParseDuration(os.Getenv("SFERE_CHURN")); {
	case err == nil:
		return d
	case testing.Short():
		return 300 * time.Millisecond
	}
	return time.Second
}

// Streams open and end all the time, on connections that net/http recycles,
// while others send to every stream that ever was. No byte of theirs may turn
// up in an unrelated response, and nobody may panic.
func TestChurn(t *testing.T) {
	const foreign = "FOREIGN"
	for _, hub := range []sse.HubOptions{{Heartbeat: 16 * time.Millisecond}, {Heartbeat: 16 * time.Millisecond, Writers: -1}} {
		t.Run(fmt.Sprintf("writers %d", hub.Writers), func(t *testing.T) {
			r := newRig(t, setup{hub: hub})
			var mu sync.Mutex
			var ever []*sse.Conn
			r.closed = make(chan closing, 1<<20)
			r.short("POST /act", n(1), n(2))
			r.mux.HandleFunc("GET /plain", func(w http.ResponseWriter, req *http.Request) {
				_, _ = io.WriteString(w, strings.Repeat(req.URL.Query().Get("c"), 500))
			})
			r.handle("GET /sse", sse.ServeOptions{}, func(_ context.Context, c *sse.Conn) error {
				mu.Lock()
				defer mu.Unlock()
				if len(ever) == 200 { // as many as a careless registry would keep
					ever = ever[100:]
				}
				ever = append(ever, c)
				return nil
			})
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
			defer client.CloseIdleConnections()
			var opened, answers, sends atomic.Int64
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() { // longer on a machine where too little happens to tell
				defer cancel()
				begin, d := time.Now(), churnTime(t)
				for time.Since(begin) < d || (opened.Load() < 20 || answers.Load() < 20) && time.Since(begin) < d+20*time.Second {
					time.Sleep(5 * time.Millisecond)
				}
			})
			again := func(n int, f func()) {
				for range n {
					wg.Go(func() {
						for ctx.Err() == nil {
							f()
						}
					})
				}
			}
			again(24, func() { // streams: some leave, some are closed after their first events
				own, leave := context.WithTimeout(ctx, rand.N(20*time.Millisecond))
				defer leave()
				res, err := client.Do(r.request("GET", "/sse").WithContext(own))
				if err != nil {
					return
				}
				opened.Add(1)
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			})
			again(1, func() {
				mu.Lock()
				conns := append([]*sse.Conn(nil), ever...)
				mu.Unlock()
				for _, c := range conns {
					if rand.N(10) == 0 {
						c.Close("churn")
					}
				}
				time.Sleep(time.Millisecond)
			})
			frames := []*sse.Frame{n(foreign)}
			again(2, func() {
				mu.Lock()
				conns := append([]*sse.Conn(nil), ever...)
				mu.Unlock()
				new(sse.Audience).Fanout(conns, frames, nil)
				sends.Add(int64(len(conns)))
				time.Sleep(100 * time.Microsecond)
			})
			again(2, func() {
				mu.Lock()
				conns := append([]*sse.Conn(nil), ever...)
				mu.Unlock()
				for _, c := range conns {
					_ = c.Emit(ctx, frames...)
				}
				sends.Add(int64(len(conns)))
				time.Sleep(100 * time.Microsecond)
			})
			again(8, func() {
				c := string(rune('a' + rand.N(26)))
				req, want := r.request("GET", "/plain?c="+c), strings.Repeat(c, 500)
				if rand.N(2) == 0 {
					req, want = r.request("POST", "/act"), string(n(1).Bytes())+string(n(2).Bytes())
				}
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				// A heartbeat may be among the events.
				if got := strings.ReplaceAll(string(body), ":\n\n", ""); err != nil || got != want {
					t.Errorf("an unrelated response: %.300q, %v", got, err)
				}
				answers.Add(1)
			})
			wg.Wait()
			client.CloseIdleConnections()
			until(t, "all streams are gone", func() bool { return r.hub.Len() == 0 })
			t.Logf("%d streams, %d unrelated responses, %d sends", opened.Load(), answers.Load(), sends.Load())
			if opened.Load() < 20 || answers.Load() < 20 {
				t.Error("too little happened to tell")
			}
			if s := r.log(); s != "" {
				t.Errorf("the server logged: %.2000s", s)
			}
		})
	}
}
