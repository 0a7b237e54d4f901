// Command lobby is a chat room for any number of browsers, with what a room on the
// open internet needs. It has no map: names are claims, the list of participants is
// a presence that a view shows, and the tokens of the rate limit are claims, too. Its
// one mutex guards the last messages.
//
// Several processes are one room if they share a NATS server and the secret of the
// cookie:
//
//	go run ./examples/lobby -secret s -nats embedded
//	go run ./examples/lobby -secret s -addr localhost:8081 -nats nats://127.0.0.1:...
//
//	app.go       what the program is made of
//	handlers.go  what requests do
//	room.go      who is here, and what the others are told of it
//	talk.go      what was said, for pages that are loaded or come back
//	nodes.go     other processes of the same lobby
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
	nats := flag.String("nats", "", "URL of the NATS server that connects several processes, or \"embedded\" for one in this process")
	key := flag.String("key", "", "key of at least 16 bytes that signs what goes over NATS; also $SFERE_KEY, which other users of the machine cannot see")
	flag.Parse()
	if err := run(context.Background(), *addr, *script, cmp.Or(*secret, rand.Text()), *nats, *key); err != nil {
		log.Fatal("lobby: ", err)
	}
}

func run(ctx context.Context, addr, script, secret, nats, key string) error {
	others, end, err := connect(ctx, nats, key)
	if err != nil {
		return err
	}
	defer end()
	client, err1 := twk.FindClient(ctx, script)
	s, err2 := newServer(secret, client, others)
	ln, err3 := net.Listen("tcp", addr)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if err := s.talk.join(ctx, others); err != nil {
		return err
	}
	defer s.talk.leave()
	base := "http://" + ln.Addr().String()
	fmt.Printf("lobby:     %s\ninspector: %s\n", base, s.inspector.URL(base)) // with its token: for this terminal only
	defer s.here.Stop()
	return s.Serve(ctx, ln)
}
