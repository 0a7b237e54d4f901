// Command lobby is a chat room for any number of browsers, with what a room on the
// open internet needs. It has no map: names are claims, the list of participants is
// a presence that a view shows, and the tokens of the rate limit are claims, too. Its
// one mutex guards the last messages.
//
//	app.go       what the program is made of
//	handlers.go  what requests do
//	room.go      who is here, and what the others are told of it
//	talk.go      what was said, for pages that are loaded or come back
//	names.go     which names there are
//	look.go      which of them look the same
//	limits.go    how much a person may say
//	identity.go  the cookie
//	view.go      the page
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
	base := "http://" + ln.Addr().String()
	fmt.Printf("lobby:     %s\ninspector: %s\n", base, s.inspector.URL(base)) // with its token: for this terminal only
	defer s.here.Stop()
	return s.Serve(ctx, ln)
}
