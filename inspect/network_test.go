package inspect_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/inspect"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/sse/lag"
)

// networked mounts an inspector with a network beside the one of the program.
func networked(t *testing.T, n *lag.Network, access httpapi.Access) *program {
	t.Helper()
	var p *program
	p = newProgram(t, may(access), func(mux *http.ServeMux) {
		mux.HandleFunc("/bad/", func(w http.ResponseWriter, r *http.Request) {
			inspect.New(p.console, &inspect.Options{Prefix: "/bad/", Guard: may(access), Hub: p.bridge.Hub(), Client: p.client(), Network: n}).ServeHTTP(w, r)
		})
	})
	return p
}

// The page shows how bad the network is, and changes it for who may write.
func TestNetworkPage(t *testing.T) {
	n := lag.New(&lag.Options{Delay: 150 * time.Millisecond})
	p := networked(t, n, httpapi.Write)
	_, page := p.get("/bad/network")
	has(t, page, `value="150ms"`, `<span>Network</span> <b id="count-network">bad</b>`, `aria-current="page"`)
	for _, tt := range []struct {
		reason string
		form   url.Values
		says   string
		want   lag.Options
	}{
		{"all of it", url.Values{"delay": {"1s"}, "jitter": {"20ms"}, "loss": {"1m"}}, "Changed.", lag.Options{Delay: time.Second, Jitter: 20 * time.Millisecond, Loss: time.Minute}},
		{"a word that is no time", url.Values{"delay": {`"><script>`}}, `Not changed: delay is`, lag.Options{Delay: time.Second, Jitter: 20 * time.Millisecond, Loss: time.Minute}},
		{"more than makes sense", url.Values{"delay": {"1h"}}, "Not changed: lag: setting the network: Delay is 1h0m0s", lag.Options{Delay: time.Second, Jitter: 20 * time.Millisecond, Loss: time.Minute}},
		{"what is left empty is none", url.Values{"loss": {""}}, "Changed.", lag.Options{}},
	} {
		got := p.post("/bad/network", tt.form)
		has(t, got, tt.says, `id="count-network"`)
		if strings.Contains(got, "<script>") {
			t.Errorf("%s: %s", tt.reason, got)
		}
		if n.Options() != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.reason, n.Options(), tt.want)
		}
	}
	_, page = p.get("/bad/network")
	has(t, page, `<span>Network</span> <b id="count-network">as it is</b>`)
}

// Who may look may not change it, and a program without one has no such page.
func TestNetworkIsGuarded(t *testing.T) {
	n := lag.New(nil)
	p := networked(t, n, httpapi.Read)
	_, page := p.get("/bad/network")
	has(t, page, "This page may look and not send", "disabled")
	has(t, p.post("/bad/network", url.Values{"delay": {"1s"}}), "Not changed. This page may look")
	if n.Options() != (lag.Options{}) {
		t.Errorf("it has become %+v", n.Options())
	}
	_, plain := p.get("/inspect/")
	if strings.Contains(plain, "Network</span>") {
		t.Error("a program without a network offers one")
	}
	has(t, p.post("/inspect/network", url.Values{"delay": {"1s"}}), "no network to change")
}
