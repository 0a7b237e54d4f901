package inspect

import (
	"net/http"
	"strings"

	"github.com/sfere-go/sfere/inspect/httpapi"
)

// guarded lets through what the guard allows and no other site has sent, and
// sets the headers that keep the pages within bounds.
func (in *Inspector) guarded(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "inspect: refused: the request comes from another site", http.StatusForbidden)
	}))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", in.csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if in.opts.Guard(r) < httpapi.Read {
			http.Error(w, "inspect: refused. By default only requests from this machine, made for localhost or a loopback address and not passed on by a proxy, are answered; see inspect.Options.Guard.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayNotSend is what a person is told whose request may not send.
const mayNotSend = "This page may look and not send. The program decides that with inspect.Options.Guard: " +
	"httpapi.Local(httpapi.Write) lets everybody on this machine send."

// policy returns the content security policy of the pages. The client evaluates
// expressions, which needs 'unsafe-eval'; nothing inline runs.
func policy(script string) string {
	from := "'self'"
	if origin, ok := originOf(script); ok {
		from += " " + origin
	}
	return "default-src 'none'; script-src " + from + " 'unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// originOf returns the origin of an absolute URL.
func originOf(url string) (string, bool) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return "", false
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, host != "" && !strings.ContainsAny(host, "; ,'\"\r\n")
}
