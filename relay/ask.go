package relay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// Fate is what became of a message at one node.
type Fate string

// The fates. Only Taken means that the node has had the message.
const (
	Taken   Fate = "taken"   // it was received; Answer.Data is what the program says of it
	Nobody  Fate = "nobody"  // the node has nobody under that address
	Missed  Fate = "missed"  // the node should have had it and has not
	Refused Fate = "refused" // the node could not or must not read it; Answer.Reason says why
	Failed  Fate = "failed"  // the program could not answer; Answer.Reason says why
	Silent  Fate = "silent"  // no answer came in time
)

// Answer is what one node says.
type Answer struct {
	Node   ID              `json:"node"`
	Name   string          `json:"name"` // of the node, if it is known
	Fate   Fate            `json:"fate"`
	Reason string          `json:"reason,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// asked is a question that waits for answers. Node.mu guards it.
type asked struct {
	want map[ID]bool // who has not answered
	got  map[ID]reply
	done chan struct{} // closed when nobody is waited for
	over bool
}

func (a *asked) drop(id ID) {
	delete(a.want, id)
	if len(a.want) == 0 {
		a.end()
	}
}

func (a *asked) end() {
	if !a.over {
		a.over = true
		close(a.done)
	}
}

// Ask asks other nodes what became of a message, which must have been sent with
// Envelope.Report. data is for Options.Answer there, and may be nil. A zero Sent asks
// something else. of says which nodes are asked; default: all that are live or suspect.
//
// A node takes messages and questions of another in one order, so that its answer
// covers the message. Ask waits until all have answered, until ctx ends, or for
// Options.AnswerWithin. There is one answer for each node that was asked, sorted by
// name and id: who has not answered is Silent, which is no delivery. A node that leaves
// meanwhile has no answer unless it has given one. The error is an *[Error], and says
// that the question could not be sent; the answers then are all Silent.
func (n *Node) Ask(ctx context.Context, about Sent, data json.RawMessage, of ...ID) ([]Answer, error) {
	if about.Seq != 0 && !about.report {
		return nil, &Error{Op: "asking", Err: errors.New("nobody remembers what became of a message without Envelope.Report")}
	}
	a := &asked{want: map[ID]bool{}, got: map[ID]reply{}, done: make(chan struct{})}
	n.mu.Lock()
	n.lastAsk++
	id := n.lastAsk
	if len(of) == 0 {
		for id, m := range n.members {
			if m.State == Live || m.State == Suspect {
				a.want[id] = true
			}
		}
	}
	for _, id := range of {
		a.want[id] = true
	}
	names := map[ID]string{}
	for id := range a.want {
		names[id] = ""
		if m := n.members[id]; m != nil {
			names[id] = m.Name
		}
	}
	if len(a.want) > 0 {
		n.asking[id] = a
	}
	n.mu.Unlock()
	var err error
	if len(names) > 0 {
		q := question{ID: id, To: about.To, Seq: about.Seq, Data: data}
		if about.Seq != 0 {
			q.Age = max(time.Since(about.At), 0)
		}
		if err = n.put(q, of); err == nil {
			err = n.await(ctx, a)
		}
	}
	n.mu.Lock()
	delete(n.asking, id)
	answers := make([]Answer, 0, len(names))
	for id, name := range names {
		answer := Answer{Node: id, Name: name, Fate: Silent}
		if r, ok := a.got[id]; ok {
			answer.Fate, answer.Reason, answer.Data = r.Fate, r.Reason, r.Data
		} else if !a.want[id] {
			continue // it has left
		}
		answers = append(answers, answer)
	}
	n.mu.Unlock()
	slices.SortFunc(answers, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Node[:], b.Node[:]))
	})
	if err != nil {
		return answers, &Error{Op: "asking", Err: err}
	}
	return answers, nil
}

// put sends a question to all or to some nodes.
func (n *Node) put(q question, of []ID) error {
	p, err := n.codec.encode(Envelope{Body: q})
	if err == nil {
		err = n.fits(p)
	}
	if err != nil {
		return err
	}
	if len(of) == 0 {
		_, err = n.out.add(n.all, p, true)
		return err
	}
	var errs []error
	for _, id := range of {
		_, err := n.out.add(n.nodes+id.String(), slices.Clone(p), true)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// await waits for the answers. That some do not come is no error.
func (n *Node) await(ctx context.Context, a *asked) error {
	limit := time.NewTimer(n.opts.AnswerWithin)
	defer limit.Stop()
	select {
	case <-a.done:
	case <-ctx.Done():
	case <-limit.C:
	case <-n.done:
		return ErrClosed
	}
	return nil
}

// answered takes the answer of another node.
func (n *Node) answered(from ID, r reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.asking[r.ID]
	if a == nil || !a.want[from] {
		return // too late, or not asked
	}
	a.got[from] = r
	a.drop(from)
}

// answer answers a question of another node.
func (n *Node) answer(from ID, q question) {
	r := reply{ID: q.ID, Fate: Taken}
	if q.Seq != 0 {
		var gap *Gap
		r.Fate, r.Reason, gap = n.fate(from, q)
		if gap != nil {
			n.gap(*gap)
		}
	}
	if r.Fate == Taken && n.opts.Answer != nil {
		data, err := n.asksProgram(Question{from, q.Seq, q.Data})
		if err != nil {
			r.Fate, r.Reason = Failed, core.SafeText(err)
		} else {
			r.Data = data
		}
	}
	p, err := n.codec.encode(Envelope{Body: r})
	if err == nil {
		err = n.fits(p)
	}
	if err != nil {
		p, err = n.codec.encode(Envelope{Body: reply{ID: q.ID, Fate: Failed, Reason: fmt.Sprintf("the answer cannot be sent: %s", core.SafeText(err))}})
	}
	if err == nil {
		_, err = n.out.add(n.nodes+from.String(), p, true)
	}
	if err != nil {
		n.counts.failed.Add(1)
	}
}

// asksProgram calls Options.Answer.
func (n *Node) asksProgram(q Question) (data json.RawMessage, err error) {
	if panicked := n.safely("Answer", func() { data, err = n.opts.Answer(q) }); panicked != nil {
		return nil, panicked
	}
	if err == nil && len(data) > 0 {
		data, err = plainjson.Marshal(data) // refuses what is no JSON
	}
	return data, err
}

// fate says what became of a message here. A loss that comes to light is told at once.
func (n *Node) fate(from ID, q question) (f Fate, reason string, gap *Gap) {
	subject := q.To.subject(n.prefix())
	n.mu.Lock()
	defer n.mu.Unlock()
	if f, ok := n.fates.Get(ref{from, q.Seq}); ok {
		if f != "" {
			return Refused, f, nil
		}
		return Taken, "", nil
	}
	s := n.subs[subject]
	if s == nil {
		return Nobody, "", nil
	}
	sent := time.Now().Add(-q.Age)
	if gap = n.tail(from, hashOf(subject), q.Seq, sent); gap != nil || s.since(sent) {
		return Missed, "", gap
	}
	return Nobody, "", nil // it came to the relay before this node was interested
}

// ref names a message.
type ref struct {
	from ID
	seq  uint64
}

// maxFates is how many messages a node remembers the fate of.
const maxFates = 4096

// note notes that a message was received, or why it was refused.
func (n *Node) note(r ref, err error) {
	reason := ""
	if err != nil {
		reason = core.SafeText(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fates.Set(r, reason)
}
