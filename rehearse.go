package sfere

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// maxTexts bounds the different texts that a dry run of one broadcast keeps.
const maxTexts = 16

// rehearsed is what a dry run of a broadcast would send. It keeps each text once,
// so what it holds does not grow with the recipients.
type rehearsed struct {
	mu    sync.Mutex // guards the fields below; no lock is taken under it
	texts []twk.Delivery
	rest  twk.Delivery // what is not kept
	done  bool         // it is in the plan
}

// add notes that some streams would get frames, which have some size: those in to
// and others, count in all.
func (r *rehearsed) add(ctx context.Context, frames []*sse.Frame, count int, to ...twk.DeliveryTo) {
	size := 0
	for _, f := range frames {
		size += f.Len()
	}
	d := twk.Delivery{Streams: count, To: to, Frames: frames, Bytes: int64(size) * int64(count)}
	r.mu.Lock()
	if r.done { // work that an effect has left behind
		r.mu.Unlock()
		if !core.Rehearsal(ctx).Take(size) {
			d.Frames = nil
		}
		effect.WouldDo(ctx, d)
		return
	}
	defer r.mu.Unlock()
	for i := range r.texts {
		if sameFrames(r.texts[i].Frames, frames) {
			r.texts[i] = together(r.texts[i], d)
			return
		}
	}
	if len(r.texts) < maxTexts && core.Rehearsal(ctx).Take(size) {
		r.texts = append(r.texts, d)
		return
	}
	r.rest = together(r.rest, d)
}

// end puts everything into the plan.
func (r *rehearsed) end(ctx context.Context) {
	r.mu.Lock()
	r.done = true
	all := r.texts
	if r.rest.Streams > 0 {
		r.rest.Frames = nil
		all = append(all, r.rest)
	}
	r.mu.Unlock()
	for _, d := range all {
		effect.WouldDo(ctx, d)
	}
}

// together returns a with the streams of b.
func together(a, b twk.Delivery) twk.Delivery {
	a.Streams += b.Streams
	a.Bytes += b.Bytes
	a.To = append(a.To, b.To[:min(len(b.To), maxSample-len(a.To))]...)
	return a
}

// sameFrames reports whether a and b are the same text. What was made once for all
// is known at once.
func sameFrames(a, b []*sse.Frame) bool {
	return slices.EqualFunc(a, b, func(a, b *sse.Frame) bool {
		return a == b || a.Len() == b.Len() && bytes.Equal(a.Bytes(), b.Bytes())
	})
}

// rehearseAll is fanOut in a dry run.
func (d *delivery) rehearseAll(ctx context.Context, s *snapshot, frames []*sse.Frame) {
	d.report.Delivered += len(s.entries)
	d.dry.add(ctx, frames, len(s.entries), d.conns.first(d.to, s)...)
}

// first returns those streams in s that come first, as a sample: by key and by age.
func (c *Conns) first(to Pattern, s *snapshot) []twk.DeliveryTo {
	var few []Recipient // sorted
	c.mu.RLock()
	for _, e := range s.entries {
		r := Recipient{e.keyIn(to), e.conn}
		at, _ := slices.BinarySearchFunc(few, r, func(a, b Recipient) int {
			return cmp.Or(compareKeys(a.Key, b.Key), cmp.Compare(a.Conn.ID(), b.Conn.ID()))
		})
		if at == maxSample {
			continue
		}
		if len(few) == maxSample {
			few = few[:maxSample-1]
		}
		few = slices.Insert(few, at, r)
	}
	c.mu.RUnlock()
	out := make([]twk.DeliveryTo, len(few))
	for i, r := range few {
		out[i] = deliveryTo(r)
	}
	return out
}

func deliveryTo(r Recipient) twk.DeliveryTo {
	return twk.DeliveryTo{Conn: r.Conn.ID(), Key: r.Key.String()}
}
