package twktest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sfere-go/sfere/internal/browser"
	"github.com/sfere-go/sfere/twk/twktest"
)

// seen is an event as the real client announces it on the document.
type seen struct {
	Type string            `json:"type"`
	Args map[string]string `json:"args"`
}

// record collects the events of one response until the client has finished or
// given it up.
const record = `new Promise(done => {
	const events = [];
	const listen = ({detail: {type, argsRaw}}) => {
		if (type === "started") return;
		if (type === "finished" || type === "retrying") {
			document.removeEventListener("datastar-fetch", listen);
			done(events);
			return;
		}
		events.push({type, args: argsRaw});
	};
	document.addEventListener("datastar-fetch", listen);
	document.querySelector("button").click();
})`

// TestRealClient gives the rows of TestParse to the real client, whose events
// must be those that Parse and Fields predict.
func TestRealClient(t *testing.T) {
	b := browser.New(t)
	var body []byte
	mux := http.NewServeMux()
	mux.Handle("GET /datastar.js", b.Datastar())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><script type="module" src="/datastar.js"></script>
			<button data-on:click="@get('/stream')">go</button>`)
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write(body)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	p := b.Page(t, "client")
	p.Go(srv.URL)

	streams := map[string]string{
		"fields": "event: datastar-x\ndata\ndata:\ndata: \ndata: a 1\ndata: b 2\ndata:\ndata: a 3\ndata: mode\ndata:  c  d \n\n",
		"throws": "event: datastar-x\ndata: constructor y\n\nevent: datastar-y\n\n",
	}
	for _, tt := range wireTests {
		streams[tt.name] = tt.in
	}
	for name, in := range streams {
		t.Run(name, func(t *testing.T) {
			body = []byte(in)
			var want []seen
			events, _ := twktest.All(strings.NewReader(in))
			for _, ev := range events {
				if name == "throws" {
					break // and nothing after it
				}
				if !ev.Acts() {
					continue
				}
				args := ev.Fields()
				if len(args) == 0 {
					args = map[string]string{"": ""} // the client splits the empty text, too
				}
				for key, value := range args {
					args[key] = strings.ToValidUTF8(value, "\ufffd")
				}
				want = append(want, seen{Type: ev.Type, Args: args})
			}
			if diff := cmp.Diff(want, browser.Eval[[]seen](p, record), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%q: events (-predicted +real):\n%s", in, diff)
			}
			if name == "throws" {
				p.Reload() // or it would retry, beside the next row
			}
		})
	}
}
