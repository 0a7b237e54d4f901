package inspect

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/sse/lag"
	"github.com/sfere-go/sfere/twk"
)

// Options adjust an [Inspector]. Zero fields mean the defaults.
type Options struct {
	// Prefix is the path that the inspector is mounted under, with a slash at both
	// ends. Default "/inspect/".
	Prefix string
	// Guard decides who sends each request and what it may do: httpapi.Read to look,
	// rehearse and validate, httpapi.Watch to see what streams say, httpapi.Write to send as
	// well. It may be called
	// concurrently. Default: httpapi.Local, which answers requests from this machine
	// that show the token of the console; see [Inspector.URL].
	Guard httpapi.Guard
	// Access is what the default guard allows. Default httpapi.Read.
	Access httpapi.Access
	// Hub owns the streams of the pages. Give it that of the program's own bridge,
	// so that a shutdown ends them too. Default: one of its own; see
	// [Inspector.Hub].
	Hub *sse.Hub
	// Client says where the pages load the Datastar client from. The inspector
	// does not serve it. Default: the pinned release on its CDN.
	Client twk.Client
	// Network is what the program is served through on a development machine. The page
	// then shows how bad it is, and changes it for who has httpapi.Write. Default: none.
	Network *lag.Network
	// Title names the program. Default: the name of its executable.
	Title string
}

// Inspector serves the pages. Make one with [New]; it may be used from any
// goroutine. It has a goroutine of its own as long as somebody looks.
type Inspector struct {
	console  *console.Console
	conns    *sfere.Conns     // of the console, or empty ones
	recorder *record.Recorder // of the console; may be nil
	opts     Options
	login    bool // the guard is the default one, which takes cookies of httpapi.Login
	csp      string
	views    *template.Template
	d        *dispatch.Dispatcher[twk.Session]
	bridge   *twk.Bridge[twk.Session]
	feeds    feeds
	handler  http.Handler
}

var _ http.Handler = (*Inspector)(nil)

// New returns the inspector of the program behind c, with the connections and the
// recorder that c has; without a recorder no dispatches are shown. nil options
// mean the defaults; o is not kept. New panics if a field of o cannot be used.
func New(c *console.Console, o *Options) *Inspector {
	in := &Inspector{console: c, conns: c.Conns(), recorder: c.Recorder()}
	if o != nil {
		in.opts = *o
	}
	in.opts.Prefix = cmp.Or(in.opts.Prefix, "/inspect/")
	in.opts.Title = cmp.Or(in.opts.Title, filepath.Base(os.Args[0]))
	if !strings.HasPrefix(in.opts.Prefix, "/") || !strings.HasSuffix(in.opts.Prefix, "/") {
		panic(fmt.Sprintf("inspect.New: Options.Prefix is %q: it begins and ends with a slash, as in \"/inspect/\"", in.opts.Prefix))
	}
	if in.opts.Guard == nil {
		in.login = true
		in.opts.Guard = httpapi.Local(c.Token(), cmp.Or(in.opts.Access, httpapi.Read))
	}
	if in.conns == nil {
		in.conns = sfere.New(nil)
	}
	in.csp = policy(in.opts.Client.Address())
	in.views = parseViews(in)
	in.feeds.in = in
	in.feeds.all = map[*sse.Conn]*feed{}
	in.d = dispatch.Must(dispatch.New(
		twk.Registry(nil),
		registry.New("inspect", effect.Handle("Keep a page up to date.", in.feeds.follow)),
	))
	in.bridge = twk.NewBridge(in.d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: in.opts.Hub})
	in.handler = in.guarded(in.routes())
	return in
}

// Hub returns the owner of the streams of the pages. A program that did not give
// one in [Options] drains it when it shuts down.
func (in *Inspector) Hub() *sse.Hub { return in.bridge.Hub() }

// URL returns the address of the inspector on a server at base, such as
// "http://localhost:8080". With the default guard the token is in it. The address
// is for the owner of the program: print it when the program starts, and do not
// log it where others read.
func (in *Inspector) URL(base string) string {
	address := strings.TrimSuffix(base, "/") + in.opts.Prefix
	if !in.login {
		return address
	}
	return httpapi.LoginURL(address, in.console.Token())
}

// ServeHTTP answers requests for paths that begin with the prefix.
func (in *Inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) { in.handler.ServeHTTP(w, r) }

func (in *Inspector) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*twk.Request) twk.Response{
		"GET /{$}":              in.catalogue,
		"GET /items/{name...}":  in.catalogue,
		"GET /search":           in.search,
		"GET /sample":           in.sample,
		"GET /connections":      in.connections,
		"GET /nodes":            in.nodesPage,
		"GET /stream":           in.stream,
		"GET /views":            in.viewsPage,
		"GET /dispatches":       in.dispatches,
		"GET /dispatches/{seq}": in.dispatch,
		"GET /send":             in.sendPage,
		"GET /form":             in.form,
		"POST /add":             in.add,
		"POST /check":           in.check,
		"POST /dry-run":         in.dryRun,
		"POST /send":            in.send,
		"POST /replay/{seq}":    in.replay,
		"POST /close":           in.close,
		"POST /refresh":         in.refresh,
		"GET /network":          in.networkPage,
		"POST /network":         in.setNetwork,
		"GET /live":             in.live,
	} {
		method, path, _ := strings.Cut(pattern, " /")
		mux.Handle(method+" "+in.opts.Prefix+path, in.bridge.Handle(h))
	}
	mux.Handle("GET "+in.opts.Prefix+"style.css", http.HandlerFunc(serveStyle))
	mux.Handle(in.opts.Prefix+"api/", http.StripPrefix(in.opts.Prefix+"api", httpapi.New(in.console, &httpapi.Options{
		Guard: func(r *http.Request) httpapi.Caller { return httpapi.CallerOf(r.Context()) }, // asked already
	})))
	return mux
}

// url returns the address of a page; path is made of constants and escaped parts.
func (in *Inspector) url(path ...string) string { return in.opts.Prefix + strings.Join(path, "") }
