package sfere

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// Recipient is the connection that a dispatch is for.
type Recipient struct {
	Key  Key // the first of its keys that the pattern of the broadcast matches, or the first it is held under
	Conn *sse.Conn
}

type recipientKey struct{}

// RecipientOf returns whom the effects are for that ctx is part of: the recipient
// of a broadcast, or the stream whose first effects they are, if it is held. It
// returns false elsewhere. Handlers, placeholders, interceptors and content may
// ask. In a broadcast, what has asked runs for each recipient and not once for
// all; where it had begun to, it is begun anew.
func RecipientOf(ctx context.Context) (Recipient, bool) {
	if r, ok := ctx.Value(recipientKey{}).(Recipient); ok {
		return r, true
	}
	core.ShareOf(ctx).Ask()
	if conn, ok := core.StreamOf(ctx).(*sse.Conn); ok {
		for o := range conn.Owners() {
			if e, ok := o.(*entry); ok {
				if k := e.firstKey(); k != (Key{}) {
					return Recipient{k, conn}, true
				}
			}
		}
	}
	return Recipient{}, false
}

// senderKey is the key of the *delivery that a context belongs to.
type senderKey struct{}

// ForRecipients keeps the sender known where other values are not.
func (senderKey) ForRecipients() {}

// SenderOf returns the Ctx of the dispatch that has sent the broadcast which ctx
// is part of, and its context with the data of that dispatch. Effects for a
// recipient run with the Ctx of the recipient's own stream and see nothing else of
// the sender. ok is false outside a broadcast, and if the Ctx of the program is
// not a C.
func SenderOf[C any](ctx context.Context) (c C, from context.Context, ok bool) {
	d, ok := ctx.Value(senderKey{}).(*delivery)
	if !ok {
		return c, nil, false
	}
	c, ok = effect.Root[C](d.call)
	return c, d.from, ok
}

// OwnKey is the placeholder for the key of the recipient ([RecipientOf]), and
// otherwise of the stream of the dispatch.
//
//	sfere.Exclude{Keys: []effect.Late[sfere.Key]{effect.Later[sfere.Key](sfere.OwnKey{})}}
//	twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](sfere.OwnKey{Part: "id"})}}
type OwnKey struct {
	// Part is "scope", "category" or "id" for that string; empty for the [Key].
	Part string `json:"part,omitempty" jsonschema:"enum=,enum=scope,enum=category,enum=id,description=the part of the key to give; empty for all of it"`
}

// EffectName returns "sfere/own-key".
func (OwnKey) EffectName() string { return "sfere/own-key" }

func (c *Conns) resolveOwnKey(ctx context.Context, call twk.Call, o OwnKey) (any, error) {
	k, err := c.ownKey(ctx, call.Ctx())
	if err != nil {
		return nil, err
	}
	if o.Part == "" {
		return k, nil
	}
	for i, name := range fieldNames {
		if name == o.Part {
			return k.fields()[i], nil
		}
	}
	return nil, &Error{Op: "finding the own key", Err: fmt.Errorf("it has no part %q: use scope, category, id or nothing", o.Part)}
}
