package twk_test

import (
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

func protected(bridge *twk.Bridge[twk.Session], send func(*twk.Request) twk.Response) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /send", bridge.Handle(send))
	return http.NewCrossOriginProtection().Handler(mux)
}

// What a page of another site can send reaches no handler through the
// protection of net/http, and without it runs no effect: such a request cannot
// carry the header that the client sets.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, nil)
	called := 0
	send := func(*twk.Request) twk.Response {
		called++
		return twk.Respond(twk.ConsoleLog{Message: "sent"})
	}
	request := func(datastar bool, site string) *http.Request {
		r := httptest.NewRequest("POST", "http://app.example/send", strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("Sec-Fetch-Site", site)
		if datastar {
			r.Header.Set("Datastar-Request", "true")
		}
		return r
	}
	tests := []struct {
		reason        string
		handler       http.Handler
		r             *http.Request
		status, calls int
	}{
		{"the page's own client", protected(bridge, send), request(true, "same-origin"), 200, 1},
		{"a form of another site", protected(bridge, send), request(false, "cross-site"), 403, 0},
		{"the same with the header, which a browser would have asked about first", protected(bridge, send), request(true, "cross-site"), 403, 0},
		{"the form without the protection", bridge.Handle(send), request(false, "cross-site"), 406, 1},
	}
	for _, tt := range tests {
		called = 0
		w := httptest.NewRecorder()
		tt.handler.ServeHTTP(w, tt.r)
		if w.Code != tt.status || called != tt.calls || (w.Code != 200 && strings.Contains(w.Body.String(), "datastar")) {
			t.Errorf("%s: status %d, %d calls, body %q", tt.reason, w.Code, called, w.Body)
		}
	}
}

var chatPage = template.Must(template.New("page").Funcs(attr.Funcs()).Parse(`<!doctype html>
<html lang="en">
<head><title>Chat</title>{{.Script}}</head>
<body data-init="{{stream "/live"}}">
	<p id="{{elementID "person" .Name}}" data-text="{{js .Name}} + $suffix"></p>
	<button data-on:click="{{post .URL}}">Send</button>
</body>
</html>
`))

func servePolicy(w http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	w.Header().Set("Content-Security-Policy",
		"script-src 'nonce-"+nonce+"' 'unsafe-eval'; object-src 'none'; base-uri 'none'")
	_ = chatPage.Execute(w, map[string]any{
		"Script": template.HTML(twk.Client{}.ScriptNonce(nonce)),
		"Name":   r.FormValue("name"),
		"URL":    "/send?to=" + template.URLQueryEscaper(r.FormValue("name")),
	})
}

func Example_contentSecurityPolicy() {
	w := httptest.NewRecorder()
	servePolicy(w, httptest.NewRequest("GET", "/?name=%27%2Balert(1)", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "person") || strings.Contains(line, "button") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// <p id="person-_27_2Balert_281_29" data-text="&#39;\u0027&#43;alert\u00281\u0029&#39; + $suffix"></p>
	// <button data-on:click="@post(&#39;/send?to=%27%2Balert%281%29&#39;)">Send</button>
}

// removePerson is an action on data that a user chose.
func removePerson(name string) effect.List {
	return effect.List{
		twk.RemoveElement{Selector: "#" + twk.ElementID("person", name)},
		twk.ExecuteScript{Script: "console.log(" + twk.JS(name) + ", 'left')"},
	}
}

func ExampleExecuteScript_values() {
	show(removePerson("</script>")...)
	// Output:
	// selector #person-_3C_2Fscript_3E
	// mode remove
	// selector body
	// mode append
	// elements <script data-effect="el.remove()">console.log('\u003c/script\u003e', 'left')</script>
}
