package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/excerpt"
)

// Gate is the way into a tool that shows a console over HTTP. It lets requests in
// to which its guard gives access and which no page of another site has sent, and
// tells the audit of the console of all others.
type Gate struct {
	Console *console.Console
	// Via names the tool, for the audit: "api", "inspector", "mcp".
	Via string
	// Guard is asked once for each request. Default: Local(Console.Token(), Read).
	Guard Guard
	// Refused answers a request that is not let in; why is for its eyes. Default:
	// status 403 with the text.
	Refused func(w http.ResponseWriter, r *http.Request, why error)
}

type callerKey struct{}

// CallerOf returns who sends the request with ctx, as the guard of a [Gate] has
// found it; nobody with no access if it has not passed one.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// errSite is why a request of another site is refused.
var errSite = errors.New("the request comes from another site")

// Handler returns next behind the gate. What it serves finds out with [CallerOf]
// who asks.
func (g Gate) Handler(next http.Handler) http.Handler {
	if g.Guard == nil {
		g.Guard = Local(g.Console.Token(), Read)
	}
	if g.Refused == nil {
		g.Refused = func(w http.ResponseWriter, _ *http.Request, why error) {
			http.Error(w, "refused: "+why.Error(), http.StatusForbidden)
		}
	}
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := g.Guard(r)
		caller.By = cmp.Or(caller.By, r.RemoteAddr)
		var why error
		switch {
		case caller.Access < Read:
			why = Forbidden(caller)
		case cross.Check(r) != nil:
			why = errSite
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
			return
		}
		Refuse(g.Console, g.Via, r, caller, why)
		g.Refused(w, r, why)
	})
}

// Forbidden returns an error that says that and why c may not do something.
func Forbidden(c Caller) error {
	return errors.New(cmp.Or(c.Why, "the guard of the program does not allow it"))
}

// maxAsked bounds what the audit is told of a request, in bytes.
const maxAsked = 200

// SenderOf returns who sends r, for a [console.Command] and for the audit. via
// names the tool.
func SenderOf(r *http.Request, via string, c Caller) console.Sender {
	asked := excerpt.Of(r.Method+" "+r.URL.Path, maxAsked, "…") // a stranger chooses it
	return console.Sender{By: cmp.Or(c.By, r.RemoteAddr), Via: via, Asked: asked}
}

// Refuse tells the audit of c that the request r of caller was turned down.
func Refuse(c *console.Console, via string, r *http.Request, caller Caller, why error) {
	c.Refused(r.Context(), console.Command{Sender: SenderOf(r, via, caller)}, why)
}
