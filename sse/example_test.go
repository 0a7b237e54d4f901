package sse_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/compress"
)

// A stream says hello and stays open for whatever is sent to it later. This one is
// short, so that the example ends.
func ExampleHub_Serve() {
	hub := sse.NewHub(nil)
	hello, err := sse.NewFrame(sse.Event{Type: "hello", Data: []string{"world"}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := hub.Serve(w, r, &sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error {
			return c.EmitFirst(ctx, hello)
		})
		if err != nil {
			sse.Refuse(w, err)
		}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("Content-Type"))
	fmt.Println(strings.TrimSpace(w.Body.String()))
	// Output:
	// text/event-stream
	// event: hello
	// data: world
}

// Text that would become another event is refused.
func ExampleNewFrame() {
	f, err := sse.NewFrame(sse.Event{Type: "tick", ID: "7", Data: []string{"1", "2"}}, nil)
	fmt.Printf("%q %v\n", f.Bytes(), err)
	_, err = sse.NewFrame(sse.Event{Data: []string{"1\n\nevent: evil"}}, nil)
	fmt.Println(err)
	// Output:
	// "event: tick\nid: 7\ndata: 1\ndata: 2\n\n" <nil>
	// sse: making a frame: Data must be UTF-8 without CR, LF and NUL
}

// A hub for many spectators: a slow one misses the oldest events instead of
// being disconnected, and everything is compressed once for all.
func ExampleHubOptions() {
	hub := sse.NewHub(&sse.HubOptions{
		MaxFrames: 64,
		Overflow:  sse.DropOldest,
		Compress:  true,
	})
	defer hub.Drain(context.Background(), 0)
}

// Large patches that are sent again and again are worth a compressor for each
// stream.
func ExampleHubOptions_perStream() {
	hub := sse.NewHub(&sse.HubOptions{
		PerStream: []sse.Compressor{compress.Brotli(4, 18), compress.Gzip(6)},
	})
	defer hub.Drain(context.Background(), 0)
}

// A program that ends well: new connections go to its successor, streams are
// cut over five seconds, actions finish.
func ExampleShutdown() {
	hub := sse.NewHub(nil)
	srv := &http.Server{Addr: ":8080"} // whose handler calls hub.Serve
	sse.ConfigureServer(srv, nil)

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-stop.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := sse.Shutdown(ctx, srv, 5*time.Second, hub); err != nil {
		log.Print(err)
	}
}
