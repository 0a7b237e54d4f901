package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/sfere-go/sfere/inspect/console"
)

// ByToken returns a guard that allows requests a that show the token, wherever
// they come from, and others nothing. Use it where [Local] is too narrow: in a
// container, say. The token must be random, and the connection encrypted.
// An empty token lets nobody in.
//
// A request shows the token in the header "Authorization: Bearer <token>", as
// programs do, or with the cookie that browsers get from [Login]. The time that
// the comparison takes tells nothing about the token.
func ByToken(token string, a Access) Guard {
	return func(r *http.Request) Caller {
		switch {
		case token == "":
			return Caller{Why: "the program has no token"}
		case bearer(r) != "":
			if same(bearer(r), token) {
				return Caller{By: "token from " + r.RemoteAddr, Access: a, Why: whyNotMore(a)}
			}
			return Caller{Why: errWrongToken.Error()}
		}
		for _, c := range r.CookiesNamed(cookieName(token)) {
			if same(c.Value, cookieValue(token)) {
				return Caller{By: "token from " + r.RemoteAddr, Access: a, Why: whyNotMore(a)}
			}
		}
		return Caller{Why: "show the token of the program: open the address that it prints, or send the header \"Authorization: Bearer <token>\""}
	}
}

var errWrongToken = errors.New("this is not the token of the program; it has another one each time it starts, unless the program chooses it")

func whyNotMore(a Access) string {
	switch {
	case a >= Write:
		return ""
	case a == Watch:
		return "the token allows to look and to watch only"
	}
	return "the token allows to look only"
}

// bearer returns the token in the header of r, "" if there is none.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// same compares in a time that depends on neither text: sums of one length are
// compared.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

// derived returns a text that follows from the token and does not tell it.
func derived(token, use string) string {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte("sfere " + use))
	return hex.EncodeToString(h.Sum(nil))
}

// cookieName differs between programs: browsers send the cookies of one port of a
// host to all others, and of two with one name only one is kept.
func cookieName(token string) string { return "sfere-" + derived(token, "cookie name")[:8] }

// cookieValue is not the token: whoever reads the cookie of a browser has the
// access of a browser.
func cookieValue(token string) string { return derived(token, "cookie value") }

// LoginParam is the parameter of an address that [Login] takes the token from.
const LoginParam = "token"

// LoginURL returns address with the token in its query, for [Login]. It is for
// somebody's eyes: do not log it where others read.
func LoginURL(address, token string) string {
	sep := "?"
	if strings.Contains(address, "?") {
		sep = "&"
	}
	return address + sep + LoginParam + "=" + url.QueryEscape(token)
}

// Login returns next with a way in for browsers: a GET request with the token of c
// in its query, as in [LoginURL], is answered with a cookie for the path and
// everything below it, and a redirect to the same address without the token. The
// cookie is HttpOnly, SameSite=Strict, and Secure over TLS; it ends with the
// browser. A wrong token is answered 403, and the audit of c hears of it. via
// names the tool to the audit.
//
// The inspector has it by default. A program with a guard of its own may use it in
// front of one, if the guard asks [Local] or [ByToken].
func Login(c *console.Console, via, path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || !q.Has(LoginParam) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if token := c.Token(); token == "" || !same(q.Get(LoginParam), token) {
			Refuse(c, via, r, Caller{}, errWrongToken)
			http.Error(w, "refused: "+errWrongToken.Error(), http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: cookieName(c.Token()), Value: cookieValue(c.Token()), Path: path,
			HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
		})
		q.Del(LoginParam)
		// Only the path is kept of where to go, and it begins with one slash: a
		// browser takes two for another host.
		to := "/" + strings.TrimLeft(r.URL.EscapedPath(), "/\\")
		if rest := q.Encode(); rest != "" {
			to += "?" + rest
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusSeeOther)
	})
}
