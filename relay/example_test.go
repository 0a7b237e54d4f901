package relay_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/relay"
)

func deliverHere(relay.Received)             {}
func refreshWhatIsShown(relay.Gap)           {}
func report(context.Context, []relay.Answer) {}

// The call site of the package comment.
func sketch(ctx context.Context, key []byte, steps []relay.Step) error {
	bus := relay.NewMemory(nil) // or natsrelay.New("tls://nats:4222", nil)
	node, err := relay.Join(ctx, bus, &relay.Options{
		Name:    "web-1",
		Keys:    [][]byte{key}, // needed where others can reach the bus
		Receive: func(m relay.Received) { deliverHere(m) },
		Gap:     func(g relay.Gap) { refreshWhatIsShown(g) },
	})
	if err != nil {
		return err
	}
	defer node.Close(ctx)

	room := relay.Address{Scope: "default", Category: "room"}
	if err := node.Subscribe(room); err != nil { // somebody here is in the room
		return err
	}

	sent, err := node.Send(relay.Envelope{To: room, Report: true, Body: relay.Broadcast{Steps: steps}})
	if err != nil {
		return err
	}
	answers, err := node.Ask(ctx, sent, nil) // silence is relay.Silent, never a delivery
	report(ctx, answers)
	return err
}

func Example() {
	ctx := context.Background()
	bus := relay.NewMemory(nil)
	heard := make(chan string)
	ann, _ := relay.Join(ctx, bus, &relay.Options{Name: "ann"})
	ben, _ := relay.Join(ctx, bus, &relay.Options{
		Name: "ben",
		Receive: func(m relay.Received) {
			if r, ok := m.Body.(relay.Refresh); ok {
				heard <- r.Topic
			}
		},
	})
	defer ann.Close(ctx)
	defer ben.Close(ctx)

	board := relay.Address{Scope: "default", Category: "board", ID: "7"}
	if err := errors.Join(ben.Subscribe(board), ben.Flush(ctx)); err != nil {
		fmt.Println(err)
	}
	if _, err := ann.Send(relay.Envelope{To: board, Body: relay.Refresh{Topic: "board/7"}}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(<-heard)
	// Output: board/7
}

var _ = sketch
