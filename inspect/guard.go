package inspect

import (
	"errors"
	"net/http"
	"strings"

	"github.com/sfere-go/sfere/inspect/httpapi"
)

// via is what the audit is told.
const via = "inspector"

// guarded lets through what the guard allows and no other site has sent, and
// sets the headers that keep the pages within bounds.
func (in *Inspector) guarded(next http.Handler) http.Handler {
	next = in.datastarPosts(next)
	next = httpapi.Gate{Console: in.console, Via: via, Guard: in.opts.Guard, Refused: refused}.Handler(next)
	if in.login {
		next = httpapi.Login(in.console, via, in.opts.Prefix, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", in.csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// datastarPosts turns down posts to the pages that the Datastar client has not made:
// the answer is for it alone, and what was asked for would have been done already.
func (in *Inspector) datastarPosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("Datastar-Request") != "true" && !strings.HasPrefix(r.URL.Path, in.url("api/")) {
			httpapi.Refuse(in.console, via, r, httpapi.CallerOf(r.Context()), errNotDatastar)
			http.Error(w, "inspect: refused: "+errNotDatastar.Error(), http.StatusNotAcceptable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

var errNotDatastar = errors.New("the pages answer the Datastar client; for others there is the interface under api/")

// refused answers a request that is not let in. Whose fault it is is for the
// guard to say.
func refused(w http.ResponseWriter, _ *http.Request, why error) {
	http.Error(w, "inspect: refused: "+why.Error(), http.StatusForbidden)
}

// whyNot is why a request may not send, "" if it may.
func whyNot(r *http.Request) string {
	caller := httpapi.CallerOf(r.Context())
	if caller.Access >= httpapi.Write {
		return ""
	}
	return "This page may look and not send: " + httpapi.Forbidden(caller).Error() + ". The program decides that with inspect.Options."
}

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
