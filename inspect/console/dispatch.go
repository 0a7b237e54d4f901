package console

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// Dispatch is a recorded dispatch in a form for JSON; see [record.Dispatch].
type Dispatch struct {
	Seq    uint64        `json:"seq"` // its number among everything that was recorded
	ID     uint64        `json:"dispatch"`
	Parent uint64        `json:"parent,omitempty"`
	Began  time.Time     `json:"began"`
	Took   time.Duration `json:"tookNanos"` // 0 while it runs
	State  record.State  `json:"state"`     // running, done or failed
	Dry    bool          `json:"dry,omitempty"`
	Names  []string      `json:"names"` // of the first items that were dispatched
	// Targets are the patterns and keys that those items are addressed to; "" for
	// those without.
	Targets []string `json:"targets,omitempty"`
	// Request is the method and path of the request that the dispatch came from,
	// Stream the number of the stream that it ran against, and Key the first key of
	// that stream. All are empty if there was none.
	Request string `json:"request,omitempty"`
	Stream  uint64 `json:"stream,omitempty"`
	Key     string `json:"key,omitempty"`
	// Times is how many dispatches in a row this one stands for, if they are more
	// than one, and First when the first of them began. The data is that of the last.
	Times int       `json:"times,omitempty"`
	First time.Time `json:"first,omitzero"`
	// Continuations and Omitted count the continuations of the whole tree, and the
	// entries of it that were not kept. Both are set on the outermost dispatch only.
	Continuations int `json:"continuations,omitempty"`
	Omitted       int `json:"omitted,omitempty"`
	// Steps and Nested are the tree: its items, and the continuations that belong
	// to none of them. [Console.Dispatches] leaves both out.
	Steps  []Step     `json:"steps,omitempty"`
	Nested []Dispatch `json:"nested,omitempty"`
}

// Step is one item of a recorded dispatch in a form for JSON; see [record.Step].
type Step struct {
	Path string      `json:"path"`
	Kind record.Kind `json:"kind,omitempty"` // effect or action; empty if it never ran
	Name string      `json:"name"`
	// Item is the data in wire form, and Value what the handler returned. Of what
	// is longer than 64 kB there is a text that says how long.
	Item  json.RawMessage `json:"item,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	Began time.Time       `json:"began,omitzero"` // zero if it never ran
	Took  time.Duration   `json:"tookNanos"`
	State record.State    `json:"state"`
	Error string          `json:"error,omitempty"` // why it failed or was skipped
	Phase effect.Phase    `json:"phase,omitempty"` // of the error
	By    string          `json:"by,omitempty"`    // the interceptor or placeholder at fault
	// Audience is set if Value tells whom something reached: it depends on who was
	// connected, and so do the continuations.
	Audience bool `json:"audience,omitempty"`
	// Omitted counts the bytes of the data, the value and the error that were too
	// many to keep.
	Omitted int `json:"omittedBytes,omitempty"`
	// Nested are the continuations that it started.
	Nested []Dispatch `json:"nested,omitempty"`
}

// Dispatches returns the last dispatches that came from outside, newest first and
// without what they did: at most n of them, all that are kept if n is 0. The
// cause of an error is [ErrNotOffered].
func (c *Console) Dispatches(n int) ([]Dispatch, error) {
	if c.recorder == nil {
		return nil, failed("list dispatches", ErrNotOffered)
	}
	recent := c.recorder.Summaries()
	if n > 0 && n < len(recent) {
		recent = recent[:n]
	}
	return append([]Dispatch{}, dispatchesOf(recent)...), nil
}

// Find is [Console.Dispatches] for those that f chooses, wherever in a tree it
// finds what it looks for.
func (c *Console) Find(f record.Filter, n int) ([]Dispatch, error) {
	if c.recorder == nil {
		return nil, failed("find dispatches", ErrNotOffered)
	}
	out := []Dispatch{}
	for _, d := range c.recorder.Find(f, n) {
		d.Steps, d.Nested = nil, nil
		out = append(out, dispatchOf(d))
	}
	return out, nil
}

// Failure is a step that failed, and how often it did in the same way, in a form
// for JSON; see [record.Failure].
type Failure struct {
	Seq     uint64 `json:"seq"` // of the newest recorded dispatch that it failed in
	Request string `json:"request,omitempty"`
	Key     string `json:"key,omitempty"`
	Step    Step   `json:"step"`
	Times   int    `json:"times"`
}

// Failures returns what failed in the recorded dispatches, newest first and what
// failed in the same way once: at most n, all if n is 0. The cause of an error is
// [ErrNotOffered].
func (c *Console) Failures(n int) ([]Failure, error) {
	if c.recorder == nil {
		return nil, failed("list failures", ErrNotOffered)
	}
	out := []Failure{}
	for _, f := range c.recorder.Failures(n) {
		out = append(out, Failure{f.Seq, f.Request, f.Key, stepOf(f.Step), f.Times})
	}
	return out, nil
}

// Dispatched returns the recorded dispatch with this number, and everything that
// it did. The cause of an error is [ErrNotOffered] or [ErrNotKept].
func (c *Console) Dispatched(seq uint64) (Dispatch, error) {
	op := fmt.Sprint("show dispatch ", seq)
	if c.recorder == nil {
		return Dispatch{}, failed(op, ErrNotOffered)
	}
	d, ok := c.recorder.Get(seq)
	if !ok {
		return Dispatch{}, failed(op, ErrNotKept)
	}
	return dispatchOf(d), nil
}

func dispatchOf(d record.Dispatch) Dispatch {
	out := Dispatch{
		Seq: d.Seq, ID: d.ID, Parent: d.Parent, Began: d.Began, Took: d.Took, State: record.Done, Dry: d.Dry,
		Targets: d.Targets, Request: d.Request, Stream: d.Stream, Key: d.Key,
		Names: append([]string{}, d.Names...), Continuations: d.Continuations, Omitted: d.Omitted, Nested: dispatchesOf(d.Nested),
	}
	if d.Times > 1 {
		out.Times, out.First = d.Times, d.First
	}
	switch {
	case d.Running:
		out.State = record.Running
	case d.Failed:
		out.State = record.Failed
	}
	for _, s := range d.Steps {
		out.Steps = append(out.Steps, stepOf(s))
	}
	return out
}

func dispatchesOf(ds []record.Dispatch) []Dispatch {
	var out []Dispatch
	for _, d := range ds {
		out = append(out, dispatchOf(d))
	}
	return out
}

func stepOf(s record.Step) Step {
	out := Step{
		Path: s.Path.String(), Kind: s.Kind, Name: s.Name, Item: bounded(itemJSON(s.Item)),
		Began: s.Began, Took: s.Took, State: s.State, Phase: s.Phase, By: s.By, Omitted: s.Omitted, Nested: dispatchesOf(s.Nested),
	}
	out.Value = gaveJSON(s.Value)
	switch s.Value.(type) {
	case sfere.Report, sfere.Refreshed:
		out.Audience = true
	}
	if s.Error != nil {
		out.Error = fmt.Sprint(s.Error) // which survives an Error that panics
	}
	return out
}

// maxShown bounds the data of one step in bytes.
const maxShown = 64 << 10

// bounded returns text, or how long it is if it is too long to be shown.
func bounded(text json.RawMessage) json.RawMessage {
	if len(text) <= maxShown {
		return text
	}
	short, _ := plainjson.Marshal(fmt.Sprintf("left out: %d bytes", len(text))) // a string marshals
	return short
}
