package gzipcast

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// FuzzStreams plays a script of events on several streams and chains, and
// decodes each stream after each event.
func FuzzStreams(f *testing.F) {
	f.Add(uint8(0), []byte("a room that everybody hears"))
	f.Add(uint8(1), []byte{0, 0, 0xff, 1, 0, 0xff, 2, 0, 0xff})
	f.Add(uint8(9), []byte{0, 8, 0xff, 0, 9, 0xff, 0, 10, 0xff, 5, 3, 1, 0, 9, 0xff})
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 120)
		for i := range script {
			script[i] = byte(rng.Uint32())
		}
		f.Add(uint8(seed), script)
	}
	encoders := []*Encoder{NewEncoder(nil)}
	for level := 1; level <= 9; level++ {
		encoders = append(encoders, NewEncoder(&Options{Level: level}))
	}
	f.Fuzz(func(t *testing.T, level uint8, script []byte) {
		// Longer scripts find nothing that two shorter ones do not.
		script = script[:min(len(script), 300)]
		p := newPlay(encoders[int(level)%len(encoders)])
		for step := 0; len(script) >= 3; step++ {
			if err := p.step(script[0], script[1], script[2]); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			script = script[3:]
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
	})
}

// play is the state of one script.
type play struct {
	enc       *Encoder
	chains    []*Chain
	receivers []*receiver
	made      []*Event // all so far, for sending old ones again
	last      []byte   // the payload made last, for making a similar one
}

func newPlay(enc *Encoder) *play {
	return &play{
		enc:    enc,
		chains: []*Chain{enc.NewChain(), enc.NewChain(), enc.NewChain()},
	}
}

// step performs one of the things that happen to a server: op says what, kind
// which payload or past event, and mask which streams take part.
func (p *play) step(op, kind, mask byte) error {
	if len(p.receivers) == 0 || op%16 == 15 && len(p.receivers) < 8 {
		r, err := newReceiver()
		if err != nil {
			return err
		}
		p.receivers = append(p.receivers, r)
	}
	switch op % 8 {
	default: // a broadcast, with half of the scripts' weight
		return p.send(p.chains[int(op/8)%len(p.chains)].Next(p.payload(kind)), mask)
	case 4:
		return p.send(p.enc.Event(p.payload(kind)), mask)
	case 5: // an event out of order, or sent before
		if len(p.made) > 0 {
			back := min(int(kind)%4, len(p.made)-1)
			return p.send(p.made[len(p.made)-1-back], mask)
		}
	case 6:
		for i, r := range p.receivers {
			if mask>>i&1 == 1 {
				r.stream.Reset()
			}
		}
	case 7: // made, and missed by everybody
		p.made = append(p.made, p.chains[int(op/8)%len(p.chains)].Next(p.payload(kind)))
	}
	return nil
}

func (p *play) send(e *Event, mask byte) error {
	p.made = append(p.made, e)
	for i, r := range p.receivers {
		if mask>>i&1 == 0 {
			continue
		}
		if err := r.receive(e); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return nil
}

// payload returns new bytes, mostly similar to those it returned before.
func (p *play) payload(kind byte) []byte {
	rng := rand.New(rand.NewPCG(uint64(kind), uint64(len(p.made))))
	var b []byte
	switch kind % 8 {
	case 0: // shorter than anything worth compressing
		b = bytes.Repeat([]byte{kind}, int(kind/8))
	case 1: // incompressible, at times longer than a stored block
		b = make([]byte, int(kind)*int(kind)*2)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	case 2: // longer than the window
		b = bytes.Repeat([]byte("a line that differs little from others\n"), 800+int(kind)*6)
		b = fmt.Appendf(b, "and ends in %d", kind)
	case 3: // around the size at which the encoder changes
		b = make([]byte, smallEvent-8+int(kind/8)%16)
		for i := range b {
			b[i] = "event: data"[rng.IntN(11)]
		}
	default: // the last one with a few bytes changed, removed and added
		b = bytes.Clone(p.last)
		for range kind % 5 {
			if len(b) > 0 {
				b[rng.IntN(len(b))] = kind
			}
		}
		b = b[min(int(kind)/64, len(b)):]
		b = fmt.Appendf(b, "data: elements <li id=\"item-%d\">%d</li>\n", kind, rng.Uint32())
	}
	p.last = b
	return b
}

func (p *play) end() error {
	for i, r := range p.receivers {
		if err := r.close(); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return nil
}
