package sfere

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sfere-go/sfere/relay"
)

// firstLook is when a node that is still at work is asked again.
const firstLook = 2 * time.Millisecond

// poll asks nodes, all that are there, and again those that are still at work, until
// Options.AnswerWithin is over. take is given each answer and says whether its node is.
// late are those that still were in the end.
func (cl *cluster) poll(ctx context.Context, about relay.Sent, data json.RawMessage, take func(relay.Answer) (pending bool)) (late []relay.Answer, err error) {
	limit := time.Now().Add(cl.within)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	var of []relay.ID
	for again := firstLook; ; again *= 2 {
		answers, failed := cl.node.Ask(ctx, about, data, of...)
		if failed != nil {
			err = failed
		}
		of, late = nil, nil
		for _, a := range answers {
			if take(a) {
				of, late = append(of, a.Node), append(late, a)
			}
		}
		if len(of) == 0 {
			return nil, err
		}
		timer := time.NewTimer(min(again, max(time.Until(limit), 0)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		if ctx.Err() != nil || cl.ctx.Err() != nil || !time.Now().Before(limit) {
			return late, err
		}
	}
}
