// Package relay carries broadcasts, refreshes, closes and what else is said to
// streams to the other machines of a program.
//
// It has two halves. A [Relay] moves bytes: [Memory] inside one process,
// relay/natsrelay over NATS. A [Node] is one running program on it, and is the same
// over every Relay: it knows who else is there, numbers what it says so that a loss
// is noticed, signs it, and asks the others what became of it.
//
//	bus := relay.NewMemory(nil) // or natsrelay.New("tls://nats:4222", nil)
//	node, err := relay.Join(ctx, bus, &relay.Options{
//		Name:    "web-1",
//		Keys:    [][]byte{key}, // needed where others can reach the bus
//		Receive: func(m relay.Received) { deliverHere(m) },
//		Gap:     func(g relay.Gap) { refreshWhatIsShown(g) },
//	})
//	if err != nil {
//		return err
//	}
//	defer node.Close(ctx)
//
//	room := relay.Address{Scope: "default", Category: "room"}
//	if err := node.Subscribe(room); err != nil { // somebody here is in the room
//		return err
//	}
//
//	sent, err := node.Send(relay.Envelope{To: room, Report: true, Body: relay.Broadcast{Steps: steps}})
//	if err != nil {
//		return err
//	}
//	answers, err := node.Ask(ctx, sent, nil) // silence is relay.Silent, never a delivery
//
// # What it promises
//
// A message is received at most once, and messages of one node with one address in
// the order in which they were sent. A loss is a [Gap] at every node that has
// subscribed to the address and is still there; a Gap may also come without a loss,
// never the other way round. What a node does not understand is a [Refusal] with a
// name, not silence: its sender is told when it asks.
//
// Nothing waits for the relay. [Node.Send] puts a message into a bounded queue;
// what happens on this machine must not depend on it.
package relay
