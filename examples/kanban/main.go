// Command kanban is a program with several boards for several people: cards that are
// moved by mouse and by keyboard, people with roles, who is looking, and a history.
// Open it in two windows as two people.
//
//	go run ./examples/kanban              # begins anew each time
//	go run ./examples/kanban -db kanban.db
//
// A page shows four parts of the state, each a view: the board, its people, who is
// looking, and what has happened. What changes the state says so by a sfere.Refresh,
// and every page that shows it follows. No handler patches a card. What a person may
// see is asked when a view is shown, and again when a role has changed.
//
// Several processes serve the same boards if they share the database file and a NATS
// server. The state is in the file; a change says through NATS what to render again:
//
//	go run ./examples/kanban -db kanban.db -nats embedded
//	go run ./examples/kanban -db kanban.db -addr localhost:8081 -nats nats://127.0.0.1:...
//
// There are no passwords: who you are is what you choose.
//
//	main.go      flags
//	app.go       what the program is made of, and its routes
//	store.go     the database: reading
//	change.go    the database: what changes a board, who may, and what is refused
//	nodes.go     how the process hears of others
//	people.go    the cookie, roles, who is looking
//	views.go     what pages show
//	effects.go   what happens
//	handlers.go  what requests do
//	page.templ   the markup; page_templ.go is made of it by templ generate
//	look.go      what the markup needs: ids, labels, and what a click sends
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"

	"github.com/sfere-go/sfere/twk"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	file := flag.String("db", "", "SQLite file (default a new one that is removed at the end)")
	script := flag.String("datastar", "", "URL or file of the Datastar client (default the pinned "+twk.ClientVersion+" release)")
	nats := flag.String("nats", "", "URL of the NATS server that connects several processes, or \"embedded\" for one in this process; needs -db")
	key := flag.String("key", "", "key of at least 16 bytes that signs what goes over NATS; also $SFERE_KEY, which other users of the machine cannot see")
	flag.Parse()
	if err := run(context.Background(), *addr, *file, *script, *nats, *key); err != nil {
		log.Fatal("kanban: ", err)
	}
}

func run(ctx context.Context, addr, file, script, nats, key string) (err error) {
	if nats != "" && file == "" {
		return errors.New("-nats needs -db: the processes share the boards in a file")
	}
	client, err := twk.FindClient(ctx, script)
	if err != nil {
		return err
	}
	db, err := OpenStore(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	others, end, err := connect(ctx, nats, key)
	if err != nil {
		return err
	}
	defer end()
	s, err := newServer(db, client, others)
	if err != nil {
		return err
	}
	defer s.looking.Stop()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("kanban: http://%s\n", ln.Addr())
	return s.Serve(ctx, ln)
}
