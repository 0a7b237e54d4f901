package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/schema"
)

// Options adjust a [Console] of a program whose Ctx is C. Zero fields mean the
// defaults. All functions may be called concurrently.
type Options[C any] struct {
	// NewCtx makes the Ctx of a dispatch from outside any request; [SenderOf] says
	// who has asked for it. Default: the zero C.
	NewCtx func(context.Context) C
	// Recorder is what the dispatcher was given with [record.Interceptor]. Default:
	// none, and no dispatches are offered.
	Recorder *record.Recorder
	// Audit is told of every Send after it, of everything that a tool refused, and of
	// every look at what people see.
	// It is called before the answer goes out, so it should not take long. Default:
	// nobody is told.
	Audit func(ctx context.Context, a Audit)
	// Watch offers to show what streams are sent: the text of events, which is what
	// people see, to those who have the access for it (httpapi.Watch). It needs Audit.
	// Default: only when events were sent, how large they were and what became of them.
	Watch bool
	// Token is what the tools ask for that are served without a guard of the
	// program's own; see [Console.Token]. Set it to keep it when the program starts
	// again. It has at least 16 bytes. Default: a random one.
	Token string
	// Catalogue are the options of the catalogue.
	Catalogue *schema.Options

	// Connections lists live connections. It is for programs that hold them without
	// package sfere. Default: [sfere.Conns.Page].
	Connections func(ctx context.Context, q ConnQuery) (sfere.Page, error)
	// Address returns the effect that runs effects against the connections that
	// match a pattern in text form. It is for programs that hold their connections
	// without package sfere. Default: a [sfere.Broadcast].
	Address func(pattern string, effects effect.List) (effect.Data, error)
}

// Console is what people and models may do with a running program: look at its
// catalogue, its connections and its dispatches, rehearse effects and send them.
// Who may do what is for the caller to decide. Make one with [New]; it may be
// used from any goroutine.
type Console struct {
	*schema.Catalogue
	conns    *sfere.Conns
	recorder *record.Recorder
	token    string
	audit    func(context.Context, Audit)
	watch    bool         // what streams say is shown
	watches  atomic.Int32 // that are open
	list     func(context.Context, ConnQuery) (sfere.Page, error)
	address  func(pattern string, effects effect.List) (effect.Data, error)
	run      func(context.Context, effect.List) *effect.Result
	rehearse func(context.Context, effect.List) *dispatch.Rehearsal
}

// New returns the console of a program that runs effects with d and holds its
// live connections in conns. With nil conns no connections are offered, unless
// the options say how. nil options mean the defaults; o is not kept. New panics
// if Options.Token is too short, or Options.Watch is set without an Audit.
func New[C any](d *dispatch.Dispatcher[C], conns *sfere.Conns, o *Options[C]) *Console {
	var v Options[C]
	if o != nil {
		v = *o
	}
	if v.NewCtx == nil {
		v.NewCtx = func(context.Context) (c C) { return c }
	}
	if v.Watch && v.Audit == nil {
		panic(fmt.Sprintf("console.New: %v", errNoAudit))
	}
	if v.Audit == nil {
		v.Audit = func(context.Context, Audit) {}
	}
	if v.Token == "" {
		v.Token = rand.Text()
	}
	if len(v.Token) < minToken {
		panic(fmt.Sprintf("console.New: Options.Token has %d bytes, want at least %d: leave it empty for a random one", len(v.Token), minToken))
	}
	if v.Connections == nil && conns != nil {
		v.Connections = held(conns)
	}
	if v.Address == nil && conns != nil {
		v.Address = broadcast
	}
	return &Console{
		Catalogue: schema.OfWith(v.Catalogue, d), conns: conns, recorder: v.Recorder, token: v.Token,
		audit: v.Audit, watch: v.Watch, list: v.Connections, address: v.Address,
		run: func(ctx context.Context, items effect.List) *effect.Result {
			return d.Dispatch(ctx, v.NewCtx(ctx), items...)
		},
		rehearse: func(ctx context.Context, items effect.List) *dispatch.Rehearsal {
			return d.DryRun(ctx, v.NewCtx(ctx), items...)
		},
	}
}

// Conns returns where the program holds its live connections, nil if it gave
// none to [New].
func (c *Console) Conns() *sfere.Conns { return c.conns }

// OffersWatch reports whether the program offers to show what streams are sent
// ([Options].Watch).
func (c *Console) OffersWatch() bool { return c.watch }

// Recorder returns the recorder of the program, nil if it has none.
func (c *Console) Recorder() *record.Recorder { return c.recorder }

// minToken is the least length of a token in bytes.
const minToken = 16

// Token returns the secret that lets somebody use the tools which show c and have
// no guard of the program's own. Print it where only the owner of the program
// reads it, or the address from inspect.Inspector.URL, which has it in.
func (c *Console) Token() string { return c.token }

// ConnQuery asks for live connections.
type ConnQuery struct {
	// Pattern is who, in text form. Empty means everyone.
	Pattern string
	// After is [sfere.Page].Next of the page before. Empty means the first page.
	After string
	// Limit is the most that are listed. Default 100, at most 1000; negative means
	// none, which leaves the counts.
	Limit int
	// Nodes lists those of all machines: [sfere.Conns.ListNodes], which asks them. After
	// is that of such a page then.
	Nodes bool
}

const (
	defaultConns = 100
	maxConns     = 1000
)

// Connections lists live connections and counts them. ctx ends the wait for other
// machines. The cause of an error may be [ErrNotOffered].
func (c *Console) Connections(ctx context.Context, q ConnQuery) (sfere.Page, error) {
	const op = "list connections"
	switch {
	case c.list == nil:
		return sfere.Page{}, failed(op, ErrNotOffered)
	case q.Limit > maxConns:
		return sfere.Page{}, failed(op, fmt.Errorf("limit is %d: ask for at most %d, and for the next page after that", q.Limit, maxConns))
	}
	q.Limit = max(0, cmp.Or(q.Limit, defaultConns))
	page, err := c.list(ctx, q)
	if err != nil {
		return sfere.Page{}, failed(op, err)
	}
	if page.Conns == nil {
		page.Conns = []sfere.ConnInfo{} // [] in JSON
	}
	return page, nil
}

// Nodes lists the machines of the program, and what each of them says of itself. It asks
// them, and waits until ctx ends or for relay.Options.AnswerWithin. The cause of an error
// is [ErrNotOffered], also in a program without a relay.
func (c *Console) Nodes(ctx context.Context) ([]sfere.NodeInfo, error) {
	const op = "list nodes"
	if c.conns == nil {
		return nil, failed(op, ErrNotOffered)
	}
	page, err := c.conns.ListNodes(ctx, sfere.Everyone().AllScopes(), "", 0)
	if err == nil && page.Nodes == nil {
		err = fmt.Errorf("it has no relay, and so is one machine: %w", ErrNotOffered)
	}
	return page.Nodes, failed(op, err)
}

// Views are the values of views that streams are shown, or a part of them.
type Views struct {
	Matched int `json:"matched"` // values that match
	// Counts are how many values there are of each view that matches.
	Counts map[string]int   `json:"counts,omitempty"`
	Views  []sfere.ViewInfo `json:"views"`          // the oldest first; empty rather than nil
	Next   uint64           `json:"next,omitempty"` // ViewQuery.After for those that follow; 0 if there are none
}

// ViewQuery asks for values of views.
type ViewQuery struct {
	// Text is a part of the name of the view. Empty means all views.
	Text string
	// After is [Views].Next of the page before. 0 means the first page.
	After uint64
	// Limit is the most that are listed. Default 100, at most 1000; negative means
	// none, which leaves the counts.
	Limit int
}

// Views lists the values of views that streams are shown and counts them. It costs
// what it lists. The cause of an error may be [ErrNotOffered].
func (c *Console) Views(q ViewQuery) (Views, error) {
	const op = "list views"
	switch {
	case c.conns == nil:
		return Views{}, failed(op, ErrNotOffered)
	case q.Limit > maxConns:
		return Views{}, failed(op, fmt.Errorf("limit is %d: ask for at most %d, and for the next page after that", q.Limit, maxConns))
	}
	limit := max(0, cmp.Or(q.Limit, defaultConns))
	list, counts := c.conns.Views(q.Text, q.After, limit+1)
	out := Views{Counts: counts, Views: append([]sfere.ViewInfo{}, list[:min(limit, len(list))]...)}
	for _, n := range counts {
		out.Matched += n
	}
	if len(list) > limit && limit > 0 {
		out.Next = list[limit-1].ID
	}
	return out, nil
}

// Removals returns the connections that were removed last and why, the newest
// first: at most n, all that are kept if n is 0, which are 100. The cause of an
// error is [ErrNotOffered].
func (c *Console) Removals(n int) ([]sfere.Removal, error) {
	if c.conns == nil {
		return nil, failed("list removals", ErrNotOffered)
	}
	last := c.conns.Removals()
	if n > 0 && n < len(last) {
		last = last[:n]
	}
	return append([]sfere.Removal{}, last...), nil
}

// DryRun says what cmd would do and changes nothing. The cause of an error is a
// *[schema.Error] if the effects do not fit their schemas, and may be
// [ErrNotOffered] if cmd has a pattern.
func (c *Console) DryRun(ctx context.Context, cmd Command) (Rehearsal, error) {
	items, err := c.read(ctx, cmd)
	if err != nil {
		return Rehearsal{}, failed("dry run", err)
	}
	return rehearsalOf(c.rehearse(sentBy(ctx, cmd.Sender), items)), nil
}

// Send runs cmd and tells the audit. What it runs finds cmd.Sender with
// [SenderOf]. Errors are as for [Console.DryRun], and then
// nothing has run. What went wrong while the effects ran is in the outcome.
func (c *Console) Send(ctx context.Context, cmd Command) (Outcome, error) {
	items, err := c.read(ctx, cmd)
	if err != nil {
		err = failed("send", err)
		c.Refused(ctx, cmd, err)
		return Outcome{}, err
	}
	res := c.run(sentBy(ctx, cmd.Sender), items)
	c.audit(ctx, Audit{Command: cmd, Result: res})
	return OutcomeOf(res), nil
}

// Refused tells the audit of something that a tool turned down. cmd has at least
// its Sender.
func (c *Console) Refused(ctx context.Context, cmd Command, why error) {
	c.audit(ctx, Audit{Command: cmd, Err: why})
}

// read checks and decodes the effects of cmd.
func (c *Console) read(ctx context.Context, cmd Command) (effect.List, error) {
	if err := c.Validate(ctx, cmd.Effects); err != nil {
		return nil, err
	}
	items, err := c.Decode(cmd.Effects)
	if err != nil || cmd.To == "" {
		return items, err
	}
	if c.address == nil {
		return nil, fmt.Errorf("to %q: %w", cmd.To, ErrNotOffered)
	}
	addressed, err := c.address(cmd.To, items)
	if err != nil {
		return nil, &schema.Error{Problems: []schema.Problem{{Pointer: "/to", Keyword: "pattern", Message: err.Error()}}}
	}
	return effect.List{addressed}, nil
}
