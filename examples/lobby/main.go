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
	"syscall"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/internal/datastarjs"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	script := flag.String("datastar", "", "URL or file of the Datastar client (default the pinned "+datastarjs.Version+" bundle)")
	secret := flag.String("secret", "", "key that signs the cookie (default random)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *script, cmp.Or(*secret, rand.Text())); err != nil {
		log.Fatal("lobby: ", err)
	}
}

func run(ctx context.Context, addr, script, secret string) error {
	js, err1 := datastarjs.Resolve(ctx, script)
	s, err2 := newServer(secret, page{Source: js})
	ln, err3 := net.Listen("tcp", addr)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	srv := &http.Server{Handler: s.routes()}
	sse.ConfigureServer(srv, nil)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	fmt.Printf("lobby: http://%s\n", ln.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return s.shutdown(srv)
	}
}

// shutdown cuts the streams, so that clients come back to the next server, lets
// the rest finish, and takes less than 5 s.
func (s *server) shutdown(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	s.here.Stop()
	return sse.Shutdown(ctx, srv, s.bridge.Hub(), time.Second)
}
