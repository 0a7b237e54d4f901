package sfere_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	server, client := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// A load balancer is told of a shutdown while the App still serves.
func TestHealth(t *testing.T) {
	c := make(chan os.Signal, 1) // what waits for signals must not be made in a bubble
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(c)
	synctest.Test(t, func(t *testing.T) {
		app := sfere.NewApp(&sfere.AppOptions{Notice: 5 * time.Second, Window: -1, Relay: relay.NewMemory(nil)})
		app.HandleHTTP("GET /healthz", app.Health())
		app.Handle("GET /live", func(*twk.Request) twk.Response { return sfere.Hold(sfere.ID("room", "ann"), twk.Stream()) })
		ln := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- app.Serve(ctx, ln) }()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: ln.dial}}
		ask := func() (code int, h sfere.Health) {
			t.Helper()
			res, err := client.Get("http://app/healthz")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, h
		}
		r := twktest.HTTPRequest("GET", "http://app/live", nil)
		r.RequestURI = ""
		s := twktest.Open(t, client, r)
		s.Response()
		synctest.Wait()
		code, h := ask()
		if diff := cmp.Diff(sfere.Health{Status: "ok", Streams: 1, Connections: 1, Nodes: 1}, h); diff != "" || code != http.StatusOK {
			t.Errorf("%d (-want +got):\n%s", code, diff)
		}
		stop()
		synctest.Wait()
		for range 4 {
			code, h = ask()
			if diff := cmp.Diff(sfere.Health{Status: "draining", Streams: 1, Connections: 1, Nodes: 1}, h); diff != "" || code != http.StatusServiceUnavailable {
				t.Errorf("%d (-want +got):\n%s", code, diff)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		if _, err := client.Get("http://app/healthz"); err == nil {
			t.Error("it goes on serving after the notice")
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.Ended(); err == nil {
			t.Error("the stream was not cut")
		}
	})
}

func TestNoticeIsChecked(t *testing.T) {
	if _, err := sfere.BuildApp(func(s twk.Session) twk.Session { return s }, &sfere.AppOptions{Notice: 5}); err == nil {
		t.Error("5 ns are taken for a time")
	}
}
