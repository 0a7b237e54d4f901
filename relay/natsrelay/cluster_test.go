package natsrelay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sfere-go/sfere/relay"
)

// cluster starts three servers that are one.
func cluster(t *testing.T) (all []*Embedded) {
	t.Helper()
	for i := range 3 {
		all = append(all, start(t, &EmbeddedOptions{Server: func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.Cluster.Name, o.Cluster.Host, o.Cluster.Port = "c", "127.0.0.1", server.RANDOM_PORT
			if i > 0 {
				o.Routes = server.RoutesFromStr("nats://" + all[0].server.ClusterAddr().String())
			}
		}}))
	}
	limit := time.Now().Add(20 * time.Second)
	for _, e := range all {
		for e.server.NumRoutes() < 2 {
			if time.Now().After(limit) {
				t.Fatalf("%d routes", e.server.NumRoutes())
			}
			time.Sleep(time.Millisecond)
		}
	}
	return all
}

// Also over the routes of a cluster an answer covers what was said before the question.
func TestAnswersCoverMessagesOverRoutes(t *testing.T) {
	servers := cluster(t)
	key := [][]byte{bytes.Repeat([]byte{1}, 32)}
	room := relay.Address{Scope: "acme", Category: "room"}
	var all []*relay.Node
	for i, e := range servers {
		var last atomic.Uint64
		n := join(t, e, &relay.Options{
			Name: fmt.Sprintf("n%d", i), Keys: key, Beat: 100 * time.Millisecond, AnswerWithin: 20 * time.Second,
			Receive: func(m relay.Received) { last.Store(m.Seq) },
			Answer:  func(relay.Question) (json.RawMessage, error) { return json.Marshal(last.Load()) },
		})
		if err := n.Subscribe(room); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	sender := all[0]
	body := relay.Refresh{Topic: strings.Repeat("t", 2000)}
	ask := func() (sent relay.Sent, answers []relay.Answer) {
		t.Helper()
		sent, err := sender.Send(relay.Envelope{To: room, Report: true, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		answers, err = sender.Ask(context.Background(), sent, nil)
		if err != nil {
			t.Fatal(err)
		}
		return sent, answers
	}
	// A server tells the others of a subscription a little later than the link.
	limit := time.Now().Add(20 * time.Second)
	for there := 0; there < 2; {
		if time.Now().After(limit) {
			t.Fatal("the nodes do not find each other")
		}
		there = 0
		_, answers := ask()
		for _, a := range answers {
			if a.Fate == relay.Taken {
				there++
			}
		}
	}
	for range 2000 {
		sent, answers := ask()
		for _, a := range answers {
			if a.Fate != relay.Taken || string(a.Data) != fmt.Sprint(sent.Seq) {
				t.Fatalf("%s answers %s to a question about message %d: %s %s", a.Name, a.Data, sent.Seq, a.Fate, a.Reason)
			}
		}
	}
}
