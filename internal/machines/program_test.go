//go:build linux

package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/datastarjs"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// message is one thing that is said in a room.
type message struct {
	Scope, Room, Sender string
	N                   int
	Via                 string // the node that it was said to
}

func (m message) String() string {
	return fmt.Sprintf("%s/%s/%s/%d/%s", m.Scope, m.Room, m.Sender, m.N, m.Via)
}

func parseMessage(text string) (m message, err error) {
	f := strings.Split(text, "/")
	if len(f) != 5 {
		return m, fmt.Errorf("%q is no message", text)
	}
	m = message{Scope: f[0], Room: f[1], Sender: f[2], Via: f[4]}
	m.N, err = strconv.Atoi(f[3])
	return m, err
}

func (m message) item() twk.HTML {
	return twk.HTML(fmt.Sprintf(`<li data-m="%s">%d</li>`, html.EscapeString(m.String()), m.N))
}

// visit is the Ctx of the program.
type visit struct {
	twk.Session
	Scope, User string
}

// board is the view of a room: the last number of each sender.
type board struct{ Scope, Room string }

func (board) EffectName() string           { return "machines/board" }
func (b board) Topics() []sfere.Topic      { return []sfere.Topic{topic(b.Scope, b.Room)} }
func topic(scope, room string) sfere.Topic { return sfere.T("board", scope, room) }

// newBoard is the board of the next version, which one of the first cannot read.
type newBoard struct {
	Scope, Room string
	Marked      bool
}

func (newBoard) EffectName() string      { return "machines/board" }
func (b newBoard) Topics() []sfere.Topic { return []sfere.Topic{topic(b.Scope, b.Room)} }

// each says a message to each recipient by itself.
type each struct{ Message message }

func (each) EffectName() string { return "machines/each" }

// cheer is an effect that the first version does not have.
type cheer struct{ Message message }

func (cheer) EffectName() string { return "machines/cheer" }

// status is what a node tells of itself.
type status struct {
	Name     string
	Version  int
	Pid      int
	Members  map[relay.ID]relay.Member // others, as they have been told of last
	Gaps     []gapEntry
	Renders  int
	Streams  int
	Drainers []string // who has said that it ends
}

// gapEntry is a gap and when it was told.
type gapEntry struct {
	relay.Gap
	At time.Time
}

// program is a node.
type program struct {
	config
	app *sfere.App[visit]

	mu  sync.Mutex // guards the fields below, and the files of this node
	is  status
	now int // writes so far
}

// secret signs what the nodes say.
const secret = "a key that the machines of a test share"

func serveNode(c config) error {
	ln, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	p := newProgram(c)
	fmt.Fprintln(os.Stdout, ready) // requests wait in the listener until it has joined
	return p.app.Serve(context.Background(), ln)
}

func newProgram(c config) *program {
	p := &program{config: c}
	p.is = status{Name: c.Name, Version: c.Version, Pid: os.Getpid(), Members: map[relay.ID]relay.Member{}}
	from := effect.List{each{}}
	parts := []effect.Item[visit]{
		effect.Do("Say a message to each recipient by itself.", func(ctx context.Context, call effect.Call[visit], e each) error {
			return call.Dispatch(ctx, twk.Append("#log", e.Message.item())).Err()
		}),
	}
	if c.Version < 2 {
		parts = append(parts, sfere.View[visit]("The last numbers of a room.", func(_ context.Context, b board) (twk.Content, error) {
			return p.render(b.Scope, b.Room)
		}, nil))
	} else {
		parts = append(parts, sfere.View[visit]("The last numbers of a room.", func(_ context.Context, b newBoard) (twk.Content, error) {
			return p.render(b.Scope, b.Room)
		}, nil), effect.Do("Say a message to each recipient by itself, and cheer.", func(ctx context.Context, call effect.Call[visit], e cheer) error {
			return call.Dispatch(ctx, twk.Append("#log", e.Message.item())).Err()
		}))
		from = append(from, cheer{}, newBoard{})
	}
	bus := natsrelay.New(strings.Join(c.NATS, ","), &natsrelay.Options{Connect: []nats.Option{nats.DontRandomize()}, ReconnectWait: 50 * time.Millisecond})
	p.app = sfere.NewAppWith(func(s twk.Session) visit {
		v := visit{Session: s}
		if s.Request != nil {
			v.Scope, v.User = scopeOf(s.Request.Request), s.Request.URL.Query().Get("user")
		}
		return v
	}, &sfere.AppOptions{
		Relay: bus, Window: c.Window, Notice: c.Notice,
		Conns: &sfere.Options{
			Scope:     func(r *twk.Request) (string, error) { return scopeOf(r.Request), nil },
			FromRelay: from,
			Node: &relay.Options{
				Name: c.Name, Keys: [][]byte{[]byte(secret)}, Beat: c.Beat, Jitter: 300 * time.Millisecond,
				Gap: p.gap, Changed: p.changed,
			},
		},
	}, registry.New("machines", parts...))
	p.app.Handle("GET /live", func(r *twk.Request) twk.Response {
		q := r.URL.Query()
		var view effect.Data = board{scopeOf(r.Request), q.Get("room")}
		if c.Version >= 2 {
			view = newBoard{Scope: scopeOf(r.Request), Room: q.Get("room"), Marked: true}
		}
		return sfere.Hold(sfere.ID(q.Get("room"), q.Get("user")), twk.Stream(twk.Signals("node", c.Name), sfere.Show{Views: effect.List{view}}))
	})
	p.app.Handle("GET /{$}", p.page)
	p.app.HandleHTTP("POST /say", http.HandlerFunc(p.say))
	p.app.HandleHTTP("GET /healthz", p.app.Health())
	p.app.HandleHTTP("GET /status", http.HandlerFunc(p.status))
	if !c.Page {
		return p
	}
	if js, err := datastarjs.Load(context.Background()); err == nil {
		p.app.HandleHTTP("GET /datastar.js", datastarjs.Handler(js))
	}
	return p
}

// scopeOf stands for a session: a program must not let the client choose.
func scopeOf(r *http.Request) string { return r.URL.Query().Get("scope") }

// page is what a browser loads.
func (p *program) page(r *twk.Request) twk.Response {
	o := &attr.Options{RetryInterval: 50 * time.Millisecond, RetryMaxWait: 200 * time.Millisecond, OpenWhenHidden: new(true)}
	return twk.Page(twk.HTML(fmt.Sprintf(`<!doctype html><html><head><link rel="icon" href="data:,">%s</head><body %s data-signals:node__ifmissing="''">
		<ul id="log"></ul><p id="board"></p><p id="node" data-text="$node"></p></body></html>`,
		twk.Client{URL: "/datastar.js"}.Script(), attr.Stream("/live?"+r.URL.RawQuery, o))))
}

func (p *program) gap(g relay.Gap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is.Gaps = append(p.is.Gaps, gapEntry{g, time.Now()})
}

func (p *program) changed(m relay.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is.Members[m.ID] = m
	if m.Draining {
		p.is.Drainers = append(p.is.Drainers, m.Name)
	}
}

func (p *program) status(w http.ResponseWriter, _ *http.Request) {
	n, _ := p.app.Conns().Count(sfere.Everyone().AllScopes())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is.Streams = n
	_ = json.NewEncoder(w).Encode(p.is)
}

// said is what the sender of a message is told.
type said struct {
	Via       string
	Matched   int
	Delivered int
	Failed    int
	Failures  []string
	Silent    []string
	Unreached map[string]string // reasons by name
	Relay     string
	Err       string
}

// say changes the state, says the message and refreshes the board.
func (p *program) say(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("n"))
	m := message{scopeOf(r), q.Get("room"), q.Get("sender"), n, p.Name}
	if err == nil {
		err = p.store(m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list := effect.List{twk.Append("#log", m.item())}
	switch q.Get("kind") {
	case "last words": // it dies before it has told anybody
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "each":
		list = effect.List{each{m}}
	case "cheer":
		list = effect.List{cheer{m}}
	}
	ctx := context.WithoutCancel(r.Context())
	res := p.app.Dispatch(ctx, sfere.Broadcast{To: sfere.Category(m.Room).In(m.Scope), Effects: list, Report: q.Get("report")})
	rep := sfere.ReportOf(res)
	out := said{Via: p.Name, Matched: rep.Matched, Delivered: rep.Delivered, Failed: rep.Failed, Silent: rep.Silent, Unreached: map[string]string{}}
	for _, f := range rep.Failures {
		out.Failures = append(out.Failures, f.Err.Error())
	}
	for _, a := range rep.Unreached {
		out.Unreached[a.Name] = string(a.Fate) + ": " + a.Reason
	}
	if rep.Relay != nil {
		out.Relay = rep.Relay.Error()
	}
	fresh := sfere.Refresh{Topic: topic(m.Scope, m.Room)}
	if p.Version >= 2 && n%2 == 0 { // by its value, which a node of the first version cannot read
		fresh = sfere.Refresh{Views: effect.List{newBoard{Scope: m.Scope, Room: m.Room, Marked: true}, newBoard{Scope: m.Scope, Room: m.Room}}, Scope: m.Scope}
	}
	if err := errors.Join(res.Err(), p.app.Dispatch(ctx, fresh).Err()); err != nil {
		out.Err = err.Error()
	}
	_ = json.NewEncoder(w).Encode(out)
}

// store writes the last number of a sender where all nodes read it. A sender says one
// thing after the other.
func (p *program) store(m message) error {
	p.mu.Lock()
	p.now++
	temp := filepath.Join(p.State, fmt.Sprintf(".%s-%d", p.Name, p.now))
	p.mu.Unlock()
	dir := filepath.Join(p.State, m.Scope, m.Room)
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(temp, fmt.Append(nil, m.N), 0o600), os.Rename(temp, filepath.Join(dir, m.Sender)))
}

// readState returns the last number of each sender in a room.
func readState(dir, scope, room string) (string, error) {
	dir = filepath.Join(dir, scope, room)
	files, err := os.ReadDir(dir) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var out bytes.Buffer
	for _, f := range files {
		n, e := os.ReadFile(filepath.Join(dir, f.Name()))
		err = errors.Join(err, e)
		fmt.Fprintf(&out, "%s=%s ", f.Name(), n)
	}
	return strings.TrimSpace(out.String()), err
}

func (p *program) render(scope, room string) (twk.Content, error) {
	p.mu.Lock()
	p.is.Renders++
	p.mu.Unlock()
	text, err := readState(p.State, scope, room)
	return twk.HTML(fmt.Sprintf(`<p id="board" data-of="%s/%s" data-version="%d">%s</p>`, scope, room, p.Version, text)), err
}
