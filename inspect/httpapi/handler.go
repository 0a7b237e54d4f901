package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/schema"
)

// Options adjust the handler. Zero fields mean the defaults.
type Options struct {
	// Guard decides who sends each request and what it may do. Default: Local with
	// the token of the console, and Access.
	Guard Guard
	// Access is what the default guard allows. Default Read.
	Access Access
	// MaxBody bounds what is posted in bytes; recordings may be eight times as long.
	// Default 1 MiB.
	MaxBody int64
}

// New returns the handler that serves c; nil means the default options. o is not
// kept. The handler may be used from any goroutine and has none of its own.
func New(c *console.Console, o *Options) http.Handler {
	a := &api{console: c}
	if o != nil {
		a.opts = *o
	}
	if a.opts.Guard == nil {
		a.opts.Guard = Local(c.Token(), cmp.Or(a.opts.Access, Read))
	}
	a.opts.MaxBody = cmp.Or(a.opts.MaxBody, 1<<20)
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"GET /describe": a.describe, "GET /grep": a.grep, "GET /sample": a.sample, "GET /schemas": a.schemas, "GET /ctx": a.ctx,
		"GET /connections": a.connections, "GET /nodes": a.nodes, "GET /removals": a.removals, "GET /views": a.views, "GET /dispatches": a.dispatches, "GET /dispatches/{seq}": a.dispatch, "GET /dispatches/{seq}/export": a.export, "GET /failures": a.failures, "GET /events": a.events,
		"POST /validate": a.validate, "POST /dry-run": a.dryRun, "POST /replay": a.replay, "POST /send": a.send,
	} {
		mux.Handle(pattern, a.serve(h))
	}
	mux.HandleFunc("GET /watch", a.watch)
	// A page from elsewhere cannot post here with the access of whoever looks at it.
	return Gate{Console: c, Via: via, Guard: a.opts.Guard, Refused: func(w http.ResponseWriter, _ *http.Request, why error) {
		answer(w, nil, &failure{http.StatusForbidden, why})
	}}.Handler(mux)
}

// via is what the audit is told.
const via = "api"

type api struct {
	console *console.Console
	opts    Options
}

// longer is how many times longer than lists of effects recordings may be: they have what
// each effect gave, and the data once more.
const longer = 8

// failure is an error with a status.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func (a *api) serve(h func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := a.opts.MaxBody
		if r.URL.Path == "/replay" {
			most *= longer
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		v, err := h(r)
		answer(w, v, err)
	})
}

// answer writes v, or what is wrong.
func answer(w http.ResponseWriter, v any, err error) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(statusOf(err))
		v = problem(err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client has gone
}

// Problem is the body of an answer that is an error: its text, and what does not
// fit its schema where that is the reason.
type Problem struct {
	Error    string           `json:"error"`
	Problems []schema.Problem `json:"problems,omitempty"`
}

func problem(err error) Problem {
	p := Problem{Error: err.Error()}
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		p.Problems = invalid.Problems
	}
	return p
}

func statusOf(err error) int {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.status
	}
	if _, ok := errors.AsType[*schema.Error](err); ok {
		return http.StatusUnprocessableEntity
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	switch {
	case errors.Is(err, schema.ErrUnknown), errors.Is(err, console.ErrNotKept), errors.Is(err, console.ErrNobody):
		return http.StatusNotFound
	case errors.Is(err, console.ErrElsewhere):
		return http.StatusMisdirectedRequest
	case errors.Is(err, console.ErrNotOffered), errors.Is(err, console.ErrNotRecorded):
		return http.StatusNotImplemented
	case errors.Is(err, schema.ErrNoSchema), errors.Is(err, console.ErrRunning), errors.Is(err, schema.ErrCannotGenerate):
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

func (a *api) describe(r *http.Request) (any, error) {
	q := r.URL.Query()
	if name := q.Get("name"); name != "" {
		item, err := a.console.Get(name)
		if err != nil {
			return nil, err
		}
		return []schema.Item{item}, nil
	}
	var kinds []schema.Kind
	for _, k := range q["kind"] {
		switch kind := schema.Kind(k); kind {
		case schema.Effects, schema.Actions, schema.Placeholders:
			kinds = append(kinds, kind)
		default:
			return nil, fmt.Errorf("kind %q: use effect, action or placeholder", k)
		}
	}
	return a.console.Describe(kinds...), nil
}

func (a *api) grep(r *http.Request) (any, error) {
	q := r.URL.Query()
	if !q.Has("re") {
		return a.console.Grep(r.Context(), q.Get("q"))
	}
	return a.console.GrepRegexp(r.Context(), q.Get("re"))
}

// maxSamples is the most that one request gets.
const maxSamples = 100

func (a *api) sample(r *http.Request) (any, error) {
	q := r.URL.Query()
	n, err := strconv.Atoi(cmp.Or(q.Get("n"), "1"))
	if err != nil || n < 0 || n > maxSamples {
		return nil, fmt.Errorf("n is %q: ask for 0 to %d", q.Get("n"), maxSamples)
	}
	seed, err := strconv.ParseUint(cmp.Or(q.Get("seed"), "1"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("seed is %q: want a number", q.Get("seed"))
	}
	return a.console.Sample(q.Get("name"), n, seed)
}

func (a *api) schemas(r *http.Request) (any, error) {
	name := r.URL.Query().Get("name")
	if name == "" {
		return a.console.Document(), nil
	}
	item, err := a.console.Get(name)
	if err != nil {
		return nil, err
	}
	if item.Args == nil {
		return nil, fmt.Errorf("%s: %w: %s", name, schema.ErrNoSchema, item.SchemaError)
	}
	return item.Args, nil
}

func (a *api) ctx(*http.Request) (any, error) { return a.console.CtxSchema(), nil }

// connections answers with a [sfere.Page]. limit=-1 asks for the counts only, nodes=true
// for those of all machines.
func (a *api) connections(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "0"))
	if err != nil {
		return nil, fmt.Errorf("limit is %q: want a number, such as 100, or -1 for the counts only", q.Get("limit"))
	}
	nodes, err := yes(q, "nodes")
	if err != nil {
		return nil, err
	}
	return a.console.Connections(r.Context(), console.ConnQuery{Pattern: q.Get("pattern"), After: q.Get("after"), Limit: limit, Nodes: nodes})
}

// nodes answers with a list of [sfere.NodeInfo].
func (a *api) nodes(r *http.Request) (any, error) { return a.console.Nodes(r.Context()) }

// yes returns a parameter that is true or false, and false if it is left out.
func yes(q url.Values, name string) (is bool, err error) {
	if text := q.Get(name); text != "" {
		if is, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%s is %q: want true or false", name, text)
		}
	}
	return is, err
}

// views answers with a [console.Views]. limit=-1 asks for the counts only.
func (a *api) views(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(q.Get("limit"), "0"))
	if err != nil {
		return nil, fmt.Errorf("limit is %q: want a number, such as 100, or -1 for the counts only", q.Get("limit"))
	}
	after, err := strconv.ParseUint(cmp.Or(q.Get("after"), "0"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("after is %q: want the next of a page", q.Get("after"))
	}
	return a.console.Views(console.ViewQuery{Text: q.Get("q"), After: after, Limit: limit})
}

// removals answers with a list of [sfere.Removal].
func (a *api) removals(r *http.Request) (any, error) {
	text := r.URL.Query().Get("n")
	n, err := strconv.Atoi(cmp.Or(text, "0"))
	if err != nil || n < 0 {
		return nil, fmt.Errorf("n is %q: want a number, or nothing for all that are kept", text)
	}
	return a.console.Removals(n)
}

// dispatches answers with a list of [console.Dispatch].
func (a *api) dispatches(r *http.Request) (any, error) {
	n, err := atMost(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	f := record.Filter{Name: q.Get("name"), Text: q.Get("q")}
	if f.Failed, err = yes(q, "failed"); err != nil {
		return nil, err
	}
	if f == (record.Filter{}) {
		return a.console.Dispatches(n)
	}
	return a.console.Find(f, n)
}

// failures answers with a list of [console.Failure].
func (a *api) failures(r *http.Request) (any, error) {
	n, err := atMost(r)
	if err != nil {
		return nil, err
	}
	return a.console.Failures(n)
}

// atMost returns the parameter n, 0 for all.
func atMost(r *http.Request) (int, error) {
	text := r.URL.Query().Get("n")
	n, err := strconv.Atoi(cmp.Or(text, "0"))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("n is %q: want a number, or nothing for all that are kept", text)
	}
	return n, nil
}

// dispatch answers with a [console.Dispatch].
func (a *api) dispatch(r *http.Request) (any, error) {
	seq, err := number(r)
	if err != nil {
		return nil, err
	}
	return a.console.Dispatched(seq)
}

// export answers with a [console.Recording].
func (a *api) export(r *http.Request) (any, error) {
	seq, err := number(r)
	if err != nil {
		return nil, err
	}
	return a.console.Export(seq)
}

// number returns the number of a dispatch in the path.
func number(r *http.Request) (uint64, error) {
	seq, err := strconv.ParseUint(r.PathValue("seq"), 10, 64)
	if err != nil {
		err = fmt.Errorf("%q is not the number of a dispatch", r.PathValue("seq"))
	}
	return seq, err
}

// replay takes a [console.Recording] and answers with a [console.Replay].
func (a *api) replay(r *http.Request) (any, error) {
	text, err := posted(r)
	if err != nil {
		return nil, err
	}
	rec, err := console.ParseRecording(text)
	if err != nil {
		return nil, err
	}
	return a.console.Replay(r.Context(), rec, SenderOf(r, via, CallerOf(r.Context())))
}

// Verdict is the answer of /validate. Problems is empty if Valid is set.
type Verdict struct {
	Valid    bool             `json:"valid"`
	Problems []schema.Problem `json:"problems"`
}

func (a *api) validate(r *http.Request) (any, error) {
	cmd, err := a.command(r)
	if err == nil {
		err = a.console.Validate(r.Context(), cmd.Effects)
	}
	if invalid, ok := errors.AsType[*schema.Error](err); ok {
		return Verdict{false, invalid.Problems}, nil
	}
	return Verdict{true, []schema.Problem{}}, err
}

func (a *api) dryRun(r *http.Request) (any, error) {
	cmd, err := a.command(r)
	if err != nil {
		return nil, err
	}
	return a.console.DryRun(r.Context(), cmd)
}

func (a *api) send(r *http.Request) (any, error) {
	cmd, err := a.command(r)
	if caller := CallerOf(r.Context()); caller.Access < Write {
		why := Forbidden(caller)
		a.console.Refused(r.Context(), cmd, why)
		return nil, &failure{http.StatusForbidden, why}
	}
	if err != nil {
		a.console.Refused(r.Context(), cmd, err)
		return nil, err
	}
	return a.console.Send(r.Context(), cmd)
}

// posted reads the body. The media type is asked for because a form of another
// site can post any other without a preflight.
func posted(r *http.Request) ([]byte, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &failure{http.StatusUnsupportedMediaType, errors.New("post application/json")}
	}
	return io.ReadAll(r.Body)
}

// command reads the body.
func (a *api) command(r *http.Request) (console.Command, error) {
	cmd := console.Command{Sender: SenderOf(r, via, CallerOf(r.Context()))}
	text, err := posted(r)
	if err != nil {
		return cmd, err
	}
	parsed, err := console.ParseCommand(text)
	parsed.Sender = cmd.Sender
	return parsed, err
}
