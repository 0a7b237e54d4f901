package natsrelay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// receivers is how many there are of each message.
const receivers = 3

// contestant is one way to send an event to others.
type contestant struct {
	name string
	// open returns what sends one message; got is called by each receiver for each.
	open func(b *testing.B, got func()) (send func() error)
}

// event is what every contestant carries.
func event(b *testing.B) *sse.Frame {
	f, err := sse.NewFrame(sse.Event{Type: "datastar-patch-elements", Data: []string{
		"mode append", "selector #log", "elements <li id=\"m17\"><b>Ann</b> " + string(bytes.Repeat([]byte("hello "), 32)) + "</li>",
	}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func contestants() []contestant {
	signed := &relay.Options{Keys: [][]byte{bytes.Repeat([]byte{1}, 32)}}
	unsigned := &relay.Options{}
	overTCP := func(b *testing.B) relay.Relay { return New(start(b, nil).URL(), nil) }
	inside := func(b *testing.B) relay.Relay { return start(b, nil) }
	memory := func(*testing.B) relay.Relay { return relay.NewMemory(nil) }
	return []contestant{
		{"nats.go", plain},
		{"link", links(overTCP)},
		{"node", nodes(overTCP, unsigned)},
		{"node-signed", nodes(overTCP, signed)},
		{"node-signed-addresses", nodesTo(overTCP, signed, func(i int) relay.Address { return relay.Address{Scope: "default", ID: fmt.Sprint("k", i)} })},
		{"node-signed-embedded", nodes(inside, signed)},
		{"node-signed-memory", nodes(memory, signed)},
	}
}

// plain is nats.go as anybody would use it.
func plain(b *testing.B, got func()) func() error {
	url := start(b, nil).URL()
	for range receivers {
		c, err := nats.Connect(url)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(c.Close)
		_, err = c.Subscribe("room", func(*nats.Msg) { got() })
		if err := errors.Join(err, c.Flush()); err != nil {
			b.Fatal(err)
		}
	}
	c, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	data := event(b).Bytes()
	return func() error { return c.Publish("room", data) }
}

func links(bus func(*testing.B) relay.Relay) func(*testing.B, func()) func() error {
	return func(b *testing.B, got func()) func() error {
		r := bus(b)
		var last relay.Link
		for range receivers + 1 {
			l, err := r.Connect(context.Background(), relay.Receiver{Packet: func(relay.Packet) { got() }, Event: func(relay.Event) {}})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { l.Close(context.Background()) })
			if err := errors.Join(l.Subscribe("room"), l.Flush(context.Background())); err != nil {
				b.Fatal(err)
			}
			last = l
		}
		data := event(b).Bytes()
		return func() error { return last.Publish(relay.Packet{Subject: "room", Data: data}) }
	}
}

// nodes are three that have somebody in a room, to which all is sent.
func nodes(bus func(*testing.B) relay.Relay, o *relay.Options) func(*testing.B, func()) func() error {
	return nodesTo(bus, o, func(int) relay.Address { return relay.Address{Scope: "default", Category: "room"} })
}

// nodesTo has an address for each message, all with one carrier. A node reads an address
// faster that it has read before.
func nodesTo(bus func(*testing.B) relay.Relay, o *relay.Options, to func(i int) relay.Address) func(*testing.B, func()) func() error {
	return func(b *testing.B, got func()) func() error {
		r := bus(b)
		for range receivers {
			o := *o
			o.Receive = func(relay.Received) { got() }
			n := join(b, r, &o)
			if err := errors.Join(n.Subscribe(to(0).Carrier()), n.Flush(context.Background())); err != nil {
				b.Fatal(err)
			}
		}
		n := join(b, r, o)
		e := relay.Envelope{Body: relay.Broadcast{Steps: []relay.Step{{Frames: []*sse.Frame{event(b)}}}}}
		i := 0
		return func() error {
			i++
			e.To = to(i)
			_, err := n.Send(e)
			return err
		}
	}
}

// BenchmarkThroughput sends as fast as all receivers take it.
func BenchmarkThroughput(b *testing.B) {
	const window = 4096 // on the way at most
	for _, c := range contestants() {
		b.Run(c.name, func(b *testing.B) {
			var got atomic.Int64
			more := make(chan struct{}, 1)
			send := c.open(b, func() {
				if got.Add(1)%1024 == 0 {
					select {
					case more <- struct{}{}:
					default:
					}
				}
			})
			b.ReportAllocs()
			sent := int64(0)
			for b.Loop() {
				if err := send(); err != nil {
					b.Fatal(err)
				}
				for sent++; sent*receivers-got.Load() > window*receivers; {
					<-more
				}
			}
			for got.Load() < sent*receivers {
				runtime.Gosched()
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkHop sends one message after the other: from Send to the last receiver.
func BenchmarkHop(b *testing.B) {
	for _, c := range contestants() {
		b.Run(c.name, func(b *testing.B) {
			done := make(chan struct{}, receivers)
			send := c.open(b, func() { done <- struct{}{} })
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if err := send(); err != nil {
					b.Fatal(err)
				}
				for range receivers {
					<-done
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkReport asks three nodes what became of a message.
func BenchmarkReport(b *testing.B) {
	r := New(start(b, nil).URL(), nil)
	key := [][]byte{bytes.Repeat([]byte{1}, 32)}
	room := relay.Address{Scope: "default", Category: "room"}
	for range receivers {
		n := join(b, r, &relay.Options{Keys: key})
		if err := errors.Join(n.Subscribe(room), n.Flush(context.Background())); err != nil {
			b.Fatal(err)
		}
	}
	n := join(b, r, &relay.Options{Keys: key})
	for len(n.Members()) < receivers+1 {
		runtime.Gosched()
	}
	e := relay.Envelope{To: room, Report: true, Body: relay.Broadcast{Steps: []relay.Step{{Frames: []*sse.Frame{event(b)}}}}}
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		sent, err := n.Send(e)
		if err != nil {
			b.Fatal(err)
		}
		answers, err := n.Ask(context.Background(), sent, nil)
		if err != nil || len(answers) != receivers || slices.ContainsFunc(answers, func(a relay.Answer) bool { return a.Fate != relay.Taken }) {
			b.Fatal(answers, err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
