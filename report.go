package sfere

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
)

// Report says what became of a [Broadcast], a [WithConnection] or a [Close].
// Matched is the sum of Delivered, Dropped and Failed.
type Report struct {
	Matched   int `json:"matched"`   // connections that match and are not excluded
	Delivered int `json:"delivered"` // took everything into their outbox; of a Close: were closed by it
	Dropped   int `json:"dropped"`   // were cut because their outbox was full
	Failed    int `json:"failed"`    // had closed, or an effect failed for them; what did not fail was sent
	// Failures has an entry for each connection that counts as dropped or failed
	// for a reason of its own, sorted by key.
	Failures []Failure `json:"failures,omitempty"`
	// Missing has the keys that a WithConnection found no live connection for.
	Missing []Key `json:"missing,omitempty"`
	// Shared is what failed once for all recipients; all of them then count as
	// failed. It is also among the errors of the dispatch.
	Shared error `json:"-"`
}

// Failure is one connection that did not get everything.
type Failure struct {
	Key  Key    // the first of its keys that the pattern matches
	Conn uint64 // sse.ConnInfo.ID
	Err  error  // sse.ErrClosed, sse.ErrOverflow or what the effects failed with
}

// Error returns "sending to key: cause".
func (f Failure) Error() string { return fmt.Sprintf("sfere: sending to %s: %v", f.Key, f.Err) }

// Unwrap returns the cause.
func (f Failure) Unwrap() error { return f.Err }

// MarshalJSON writes the error as text.
func (f Failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Key  Key    `json:"key"`
		Conn uint64 `json:"conn"`
		Err  string `json:"error"`
	}{f.Key, f.Conn, fmt.Sprint(f.Err)})
}

// Err joins everything that went wrong, nil if nothing did: a *[Error] with
// [ErrNotFound] for each missing key, what failed for all, and each [Failure].
// That nobody matches a pattern is no error.
func (r Report) Err() error {
	errs := []error{r.Shared}
	for _, k := range r.Missing {
		errs = append(errs, &Error{Op: "sending to", Key: k, Err: ErrNotFound})
	}
	for _, f := range r.Failures {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// Add adds o to r.
func (r *Report) Add(o Report) {
	r.Matched += o.Matched
	r.Delivered += o.Delivered
	r.Dropped += o.Dropped
	r.Failed += o.Failed
	r.Failures = append(r.Failures, o.Failures...)
	r.Missing = append(r.Missing, o.Missing...)
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

// fail counts conn as not reached.
func (r *Report) fail(key Key, conn *sse.Conn, err error) {
	if errors.Is(err, sse.ErrOverflow) {
		r.Dropped++
	} else {
		r.Failed++
	}
	r.Failures = append(r.Failures, Failure{Key: key, Conn: conn.ID(), Err: err})
}

// finish brings r into its final form.
func (r *Report) finish() {
	if r.Shared != nil {
		r.Failed += r.Delivered
		r.Delivered = 0
	}
	slices.SortFunc(r.Failures, func(a, b Failure) int {
		return cmp.Or(compareKeys(a.Key, b.Key), cmp.Compare(a.Conn, b.Conn))
	})
}
