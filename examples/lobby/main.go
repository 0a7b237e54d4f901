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

	"github.com/sfere-go/sfere/twk"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	script := flag.String("datastar", "", "URL or file of the Datastar client (default the pinned "+twk.ClientVersion+" release)")
	secret := flag.String("secret", "", "key that signs the cookie (default random)")
	flag.Parse()
	if err := run(context.Background(), *addr, *script, cmp.Or(*secret, rand.Text())); err != nil {
		log.Fatal("lobby: ", err)
	}
}

func run(ctx context.Context, addr, script, secret string) error {
	client, err1 := twk.FindClient(ctx, script)
	s, err2 := newServer(secret, client)
	ln, err3 := net.Listen("tcp", addr)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	fmt.Printf("lobby: http://%s\n", ln.Addr())
	defer s.here.Stop()
	return s.Serve(ctx, ln)
}
