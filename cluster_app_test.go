package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk/twktest"
)

// An App joins before it serves, and leaves when everything has ended: AppOptions.Relay
// is all that a program changes.
func TestAppInCluster(t *testing.T) {
	bus := relay.NewMemory(nil)
	ctx, stop := context.WithCancel(t.Context())
	var apps []*sfere.App[guest]
	var streams []*twktest.Stream
	var ended []chan error
	for i := range 2 {
		app := hallWith(&sfere.AppOptions{Relay: bus, Window: -1, Conns: &sfere.Options{Node: &relay.Options{Name: fmt.Sprint("web-", i)}}})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- app.Serve(ctx, ln) }()
		req, _ := http.NewRequest("GET", fmt.Sprintf("http://%s/live?user=u%d", ln.Addr(), i), nil)
		req.Header.Set("Datastar-Request", "true")
		s := twktest.Open(t, http.DefaultClient, req)
		s.Until(func(e twktest.Event) bool { return textIn(e) == "hello" })
		apps, streams, ended = append(apps, app), append(streams, s), append(ended, done)
	}
	// A stream that has just opened is not subscribed to yet, perhaps.
	for end := time.Now().Add(twktest.Wait); ; time.Sleep(5 * time.Millisecond) {
		rep := sfere.ReportOf(apps[0].Dispatch(ctx, sfere.Broadcast{To: hallAll, Effects: effect.List{show("to all")}, Report: "cluster"}))
		if rep.Delivered == 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the report is %+v", rep)
		}
	}
	for _, s := range streams {
		s.Until(func(e twktest.Event) bool { return textIn(e) == "to all" })
	}
	stop()
	for _, done := range ended {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

var errNoBus = errors.New("the bus is not there")

type noBus struct{}

func (noBus) Connect(context.Context, relay.Receiver) (relay.Link, error) { return nil, errNoBus }

// A program that cannot join does not serve.
func TestAppCannotJoin(t *testing.T) {
	app := hallWith(&sfere.AppOptions{Relay: noBus{}})
	defer app.Conns().Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Serve(t.Context(), ln); !errors.Is(err, errNoBus) {
		t.Errorf("error %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the listener is open still")
	}
	conns := sfere.New(&sfere.Options{Relay: relay.NewMemory(nil)})
	if err := errors.Join(conns.JoinRelay(t.Context()), conns.JoinRelay(t.Context())); err != nil {
		t.Errorf("joining twice: %v", err)
	}
	conns.Close()
	late := sfere.New(&sfere.Options{Relay: relay.NewMemory(nil)})
	late.Close()
	if err := late.JoinRelay(t.Context()); !errors.Is(err, sfere.ErrConnsClosed) {
		t.Errorf("joining after the end: %v", err)
	}
	plain := sfere.New(nil)
	defer plain.Close()
	if err := plain.JoinRelay(t.Context()); err != nil {
		t.Errorf("joining nothing: %v", err)
	}
}
