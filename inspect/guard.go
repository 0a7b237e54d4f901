package inspect

import (
	"net/http"
	"strings"

	"github.com/sfere-go/sfere/inspect/httpapi"
)

// via is what the audit is told.
const via = "inspector"

// guarded lets through what the guard allows and no other site has sent, and
// sets the headers that keep the pages within bounds.
func (in *Inspector) guarded(next http.Handler) http.Handler {
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
