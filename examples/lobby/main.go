// Command lobby is a chat room for any number of browsers: the smallest
// complete program on this framework.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sfere-go/sfere/internal/datastarjs"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	script := flag.String("datastar", "", "URL or file of the Datastar client (default the pinned "+datastarjs.Version+" bundle)")
	secret := flag.String("secret", "", "key that signs the cookie (default random)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *script, *secret); err != nil {
		log.Fatal("lobby: ", err)
	}
}

func run(ctx context.Context, addr, script, secret string) error {
	p, err := client(ctx, script)
	if err != nil {
		return err
	}
	s, err := newServer(cmp.Or(secret, rand.Text()), p)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- s.shutdown(srv) })
	fmt.Printf("lobby: http://%s\n", ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// shutdown cuts the streams, so that their clients come back to the next
// server, lets the rest finish, and takes less than 5 s.
func (s *server) shutdown(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	s.here.Stop()
	return cmp.Or(s.bridge.Hub().Drain(ctx, time.Second), srv.Shutdown(ctx), srv.Close())
}

// client finds the Datastar client: at a URL, in a file, or the pinned bundle
// from the user's cache or its CDN.
func client(ctx context.Context, script string) (p page, err error) {
	var js []byte
	switch {
	case strings.Contains(script, "://"):
		return page{Script: script}, nil
	case script != "":
		js, err = os.ReadFile(script)
	default:
		if js, err = datastarjs.Load(ctx); err != nil { // the browser may reach what we cannot
			return page{Script: datastarjs.URL, Integrity: datastarjs.Integrity}, nil
		}
	}
	return page{Script: "/datastar.js", js: datastarjs.Handler(js)}, err
}
