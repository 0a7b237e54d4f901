package sfere

import (
	"context"
	"fmt"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/twk"
)

// Recipient is the connection that a nested dispatch is for.
type Recipient struct {
	Key  Key // the first of its keys that the pattern of the broadcast matches
	Conn *sse.Conn
}

type recipientKey struct{}

// RecipientOf returns the recipient of the broadcast that ctx is part of; false
// outside one, and in what a broadcast runs once for all its recipients.
// Handlers, placeholders and twk.PerRecipient content use it.
func RecipientOf(ctx context.Context) (Recipient, bool) {
	r, ok := ctx.Value(recipientKey{}).(Recipient)
	return r, ok
}

// OwnKey is the placeholder for the key of the recipient in a broadcast, and
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
