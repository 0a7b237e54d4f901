package sfere

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// bidding is how nodes are asked for the keys of a bid.
type bidding struct {
	At    relay.Clock `json:"at"`
	Wants []want      `json:"wants"`
}

// verdict is what a node says of one key.
type verdict struct {
	Taken bool      `json:"taken,omitempty"` // somebody has it there
	Busy  bool      `json:"busy,omitempty"`  // somebody there has bid for it earlier
	By    []blocker `json:"by,omitempty"`    // who else may have it, as far as that node has heard
}

// blocker is a node that has a key, or has bid for it.
type blocker struct {
	Node  relay.ID `json:"node"`
	Taken bool     `json:"taken,omitempty"`
}

func (v verdict) granted() bool { return !v.Taken && !v.Busy }

// ask asks the nodes. It returns nil if b is won, and errBusy if it may be made again.
func (cl *cluster) ask(ctx context.Context, op string, b *bid) error {
	if err := cl.meet(ctx, op, b); err != nil {
		return err
	}
	var of []relay.ID
	var silent []string
	others := false
	for _, m := range cl.node.Members() {
		switch {
		case m.Self:
		case m.State == relay.Live:
			others = true
			of = append(of, m.ID)
		case m.State == relay.Suspect: // it is not waited for
			silent = append(silent, nameOf(relay.Answer{Node: m.ID, Name: m.Name}))
		}
	}
	if len(silent) == 0 {
		of, others = nil, true // one packet for all of them
	}
	votes := map[relay.ID][]verdict{}
	if others && (len(silent) == 0 || cl.c.opts.WhenDown == AdmitWhenDown || cl.alreadyOwned(b)) {
		var err error
		if silent, err = cl.canvass(ctx, b, of, votes, silent); err != nil {
			return &Error{Op: op, Key: b.wants[0].Key, Status: statusOf(err), Err: err}
		}
	}
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return cl.late(ctx, op, b.wants[0].Key)
	}
	return cl.conclude(op, b, votes, silent)
}

// meet waits until this node can know who else there is.
func (cl *cluster) meet(ctx context.Context, op string, b *bid) error {
	left := time.Until(cl.node.Greeted().Add(cmp.Or(cl.hooks.Beat, time.Second)/10 + meetSlack))
	if left > 0 && !pause(ctx, cl, nil, left) {
		return cl.late(ctx, op, b.wants[0].Key)
	}
	return nil
}

// canvass asks nodes, all if none is given, and adds what they say to votes and who says
// nothing to silent.
func (cl *cluster) canvass(ctx context.Context, b *bid, of []relay.ID, votes map[relay.ID][]verdict, silent []string) ([]string, error) {
	text, err := json.Marshal(control{Bid: &bidding{b.at, b.wants}})
	if err != nil {
		return nil, err
	}
	for try := range pollTries {
		limit, cancel := ctx, context.CancelFunc(func() {})
		if try < pollTries-1 { // a question may be lost
			limit, cancel = context.WithTimeout(ctx, cl.within/pollTries)
		}
		answers, err := cl.node.Ask(limit, relay.Sent{}, text, of...)
		cancel()
		switch {
		case errors.Is(err, relay.ErrClosed):
			return nil, ErrConnsClosed
		case errors.Is(err, relay.ErrTooLarge):
			return nil, err
		}
		of = nil
		var names []string
		for _, a := range answers {
			var said control
			switch {
			case a.Fate == relay.Taken && json.Unmarshal(a.Data, &said) == nil && len(said.Votes) == len(b.wants):
				votes[a.Node] = said.Votes
			case a.Fate == relay.Silent:
				of, names = append(of, a.Node), append(names, nameOf(a))
			default: // of another version, or it could not answer
				silent = append(silent, nameOf(a))
			}
		}
		if len(of) == 0 || ctx.Err() != nil || try == pollTries-1 {
			return append(silent, names...), nil
		}
		for _, vs := range votes { // the others need not be waited for
			if slices.ContainsFunc(vs, func(v verdict) bool { return v.Taken }) {
				return append(silent, names...), nil
			}
		}
	}
	return silent, nil
}

// alreadyOwned reports whether all keys of b have been those of its owners already, as far as
// this node has heard. Then nobody can have got them but by another of their claims.
func (cl *cluster) alreadyOwned(b *bid) bool {
	now := time.Now()
	cl.c.mu.Lock()
	defer cl.c.mu.Unlock()
	for _, w := range b.wants {
		if w.Alone || !cl.book.ownedBy(w.Key, w.Owner, now) {
			return false
		}
	}
	return true
}

// conclude decides what becomes of b.
func (cl *cluster) conclude(op string, b *bid, votes map[relay.ID][]verdict, silent []string) error {
	busy := false
	for i, w := range b.wants {
		for _, vs := range votes {
			v := vs[i]
			taken := v.Taken
			busy = busy || v.Busy
			for _, by := range v.By {
				// What a node says of itself counts more than what another one has heard.
				if vs := votes[by.Node]; by.Node == cl.node.ID() || vs != nil && vs[i].granted() {
					continue
				}
				taken, busy = taken || by.Taken, busy || !by.Taken
			}
			if taken {
				return &Error{Op: op, Key: w.Key, Status: http.StatusConflict, Err: ErrTaken}
			}
		}
	}
	if len(silent) > 0 && cl.c.opts.WhenDown != AdmitWhenDown && !cl.alreadyOwned(b) {
		return &Error{Op: op, Key: b.wants[0].Key, Status: statusOf(ErrUnanswered), Err: fmt.Errorf("%w: %s", ErrUnanswered, strings.Join(silent, ", "))}
	}
	cl.c.mu.Lock()
	defer cl.c.mu.Unlock()
	if b.lost || busy {
		return errBusy
	}
	b.won = true
	now := time.Now()
	for _, w := range b.wants {
		cl.book.overrule(w, votes, now)
	}
	return nil
}
