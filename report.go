package sfere

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// Report says what became of a [Broadcast], a [WithConnection] or a [Close].
// Matched is the sum of Delivered, Dropped and Failed.
type Report struct {
	Matched   int `json:"matched"`   // connections that match and are not excluded
	Delivered int `json:"delivered"` // took everything into their outbox; of a Close: were closed by it
	Dropped   int `json:"dropped"`   // had a full outbox: they were cut, or events that may be dropped were
	Failed    int `json:"failed"`    // had closed, or an effect failed for them; what did not fail was sent
	// Failures has one entry for each cause, sorted by key.
	Failures []Failure `json:"failures,omitempty"`
	// Missing has the keys for which a WithConnection found no live connection.
	Missing []Key `json:"missing,omitempty"`
	// Silent has the machines that have not answered a report of "cluster" in time. What
	// they did counts nowhere.
	Silent []string `json:"silent,omitempty"`
	// Unreached has the machines that have answered, in such a report, that they did not
	// get it, could not or must not read it, or cannot tell. The streams of one that could
	// read the pattern and not the effects count as Failed.
	Unreached []relay.Answer `json:"unreached,omitempty"`
	// Relay is why it was not sent to other machines at all; nil without a relay.
	Relay error `json:"-"`
	// Shared is what failed once for all recipients; all of them then count as
	// failed. It is also among the errors of the dispatch.
	Shared error `json:"-"`
}

// Failure is one cause for which connections did not get everything.
type Failure struct {
	Err   error // sse.ErrClosed, sse.ErrOverflow, sse.ErrDropped, or what the effects failed with for the first of them
	Count int   // connections; the text of their errors is the same
	Keys  []Key // a sample of at most 8, sorted: of each connection the first key that the pattern matches
}

const (
	// maxSample bounds the keys of a Failure, maxCauses the Failures of a Report.
	maxSample = 8
	maxCauses = 32
)

// errMoreCauses stands for all causes after the first 32 of a Report.
var errMoreCauses = errors.New("other causes, which are not told apart")

// Error returns "sending to key and n more: cause", in at most 4 KiB.
func (f Failure) Error() string {
	to := "nobody"
	if len(f.Keys) > 0 {
		to = f.Keys[0].String()
	}
	if f.Count > 1 {
		to = fmt.Sprintf("%s and %d more", to, f.Count-1)
	}
	return core.Cut(fmt.Sprintf("sfere: sending to %s: %s", to, core.SafeText(f.Err)), core.MaxText)
}

// Unwrap returns the cause.
func (f Failure) Unwrap() error { return f.Err }

// MarshalJSON writes the error as text.
func (f Failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Err   string `json:"error"`
		Count int    `json:"count"`
		Keys  []Key  `json:"keys"`
	}{core.SafeText(f.Err), f.Count, f.Keys})
}

// Err joins everything that went wrong, nil if nothing did: a *[Error] with
// [ErrNotFound] for each missing key, what failed for all, and each [Failure].
// It is not an error if nobody matches a pattern. Its text is at most 4 KiB long.
func (r Report) Err() error {
	errs := []error{r.Shared, r.Relay}
	for _, name := range r.Silent {
		errs = append(errs, &Error{Op: "sending to other machines", Err: fmt.Errorf("%s has not answered", name)})
	}
	for _, a := range r.Unreached {
		errs = append(errs, &Error{Op: "sending to other machines", Err: fmt.Errorf("%s: %s %s", nameOf(a), a.Fate, a.Reason)})
	}
	for _, k := range r.Missing {
		errs = append(errs, &Error{Op: "sending to", Key: k, Err: ErrNotFound})
	}
	for _, f := range r.Failures {
		errs = append(errs, f)
	}
	return core.Join(errs)
}

// Add adds o to r. Failures with the same text become one.
func (r *Report) Add(o Report) {
	r.Matched += o.Matched
	r.Delivered += o.Delivered
	r.Dropped += o.Dropped
	r.Failed += o.Failed
	var c causes
	c.of(r)
	for _, f := range o.Failures {
		c.add(f, core.SafeText(f.Err))
	}
	r.Missing = append(r.Missing, o.Missing...)
	r.Silent = append(r.Silent, o.Silent...)
	r.Unreached = append(r.Unreached, o.Unreached...)
	if o.Relay != nil {
		r.Relay = errors.Join(r.Relay, o.Relay)
	}
	if o.Shared != nil {
		r.Shared = errors.Join(r.Shared, o.Shared)
	}
}

// ReportOf sums the reports in the outcomes of res. It returns the zero Report
// for a dispatch that sent nothing to held connections.
func ReportOf(res *effect.Result) Report {
	var sum Report
	if res != nil {
		for _, o := range res.Outcomes {
			if r, ok := o.Value.(Report); ok {
				sum.Add(r)
			}
		}
	}
	return sum
}

// causes collects the failures of a report, equal ones as one. What many recipients
// failed with is let go as soon as it is known: each has a stack of its own, perhaps.
type causes struct {
	mu sync.Mutex // guards the report while recipients are served
	r  *Report
	at map[string]int // index in r.Failures by text
}

func (c *causes) of(r *Report) {
	c.r = r
	for i, f := range r.Failures {
		c.note(core.SafeText(f.Err), i)
	}
}

func (c *causes) note(text string, i int) {
	if c.at == nil {
		c.at = map[string]int{}
	}
	c.at[text] = i
}

// add adds f, whose error has this text, and reports whether its cause is new.
func (c *causes) add(f Failure, text string) (first bool) {
	i, known := c.at[text]
	bound := maxCauses // and what sums up the rest
	if _, rest := c.at[errMoreCauses.Error()]; rest {
		bound++
	}
	if !known && len(c.r.Failures) >= bound {
		text, f.Err = errMoreCauses.Error(), errMoreCauses
		i, known = c.at[text]
	}
	if !known {
		i = len(c.r.Failures)
		c.note(text, i)
		c.r.Failures = append(c.r.Failures, Failure{Err: f.Err})
	}
	to := &c.r.Failures[i]
	to.Count += f.Count
	to.Keys = append(to.Keys, f.Keys[:min(len(f.Keys), max(maxSample-len(to.Keys), 0))]...)
	return !known
}

// fail counts one connection as not reached, and reports whether the cause is new.
// It may be called from any goroutine.
func (c *causes) fail(key Key, err error) (first bool) {
	text, dropped := core.SafeText(err), is(err, sse.ErrOverflow) || is(err, sse.ErrDropped)
	c.mu.Lock()
	defer c.mu.Unlock()
	if dropped {
		c.r.Dropped++
	} else {
		c.r.Failed++
	}
	return c.add(Failure{Err: err, Count: 1, Keys: []Key{key}}, text)
}

// reach counts one connection as reached. It may be called from any goroutine.
func (c *causes) reach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.Delivered++
}

// is is errors.Is, whatever the methods of err do.
func is(err, target error) (yes bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// finish brings r into its final form.
func (r *Report) finish() {
	if r.Shared != nil {
		r.Failed += r.Delivered
		r.Delivered = 0
	}
	for _, f := range r.Failures {
		slices.SortFunc(f.Keys, compareKeys)
	}
	slices.SortStableFunc(r.Failures, func(a, b Failure) int { return compareKeys(a.Keys[0], b.Keys[0]) })
}
