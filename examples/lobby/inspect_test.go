package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sfere-go/sfere/effect/effecttest"
	"github.com/sfere-go/sfere/inspect/httpapi"
	"github.com/sfere-go/sfere/inspect/mcp"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestRegistry(t *testing.T) {
	s, err := newServer("s", blank, nodes{})
	if err != nil {
		t.Fatal(err)
	}
	effecttest.Run(t, s.registry())
	for _, what := range s.console.Catalogue.Undocumented() {
		t.Errorf("no documentation: %s", what)
	}
}

func TestInspector(t *testing.T) {
	s, url, _ := start(t, "127.0.0.1:0", "s")
	newPerson(t, url).enter("Ann")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(address string) (int, string) {
		t.Helper()
		resp, err := browser.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, body := get(url + "/inspect/"); code != 403 {
		t.Errorf("somebody without the address that the lobby prints is answered %d: %s", code, body)
	}
	if code, body := get(s.inspector.URL(url)); code != 200 {
		t.Errorf("the address that the lobby prints is answered %d: %s", code, body)
	}
	for path, want := range map[string]string{
		"/inspect/":            "lobby/participants",
		"/inspect/connections": "default/lobby/Ann",
	} {
		if code, body := get(url + path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d, want %q in\n%s", path, code, want, body)
		}
	}
}

// A language model finds an effect, understands it, tries it and sends it to
// everybody in the lobby.
func TestMCPReachesTheLobby(t *testing.T) {
	s, url, _ := start(t, "127.0.0.1:0", "s")
	a := newPerson(t, url).enter("Ann")

	here, there := sdk.NewInMemoryTransports()
	server, err := mcp.NewServer(s.console, &mcp.Options{Access: httpapi.Write}).Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sdk.NewClient(&sdk.Implementation{Name: "model", Version: "1"}, nil).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); _ = server.Wait() })
	use := func(tool string, args map[string]any) string {
		t.Helper()
		res, err := client.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		b, err := json.Marshal(res)
		if err != nil || res.IsError {
			t.Fatalf("%s: %v %s", tool, err, b)
		}
		return string(b)
	}
	item := map[string]any{"effect": "twk/patch-elements", "args": map[string]any{"elements": "<li>hello</li>", "selector": "#messages", "mode": "append"}}
	command := map[string]any{"to": "default/lobby/*", "effects": []any{item}}
	for _, step := range []struct {
		tool string
		args map[string]any
		want string
	}{
		{"grep", map[string]any{"text": "markup into the page"}, "twk/patch-elements"},
		{"describe", map[string]any{"name": "twk/patch-elements"}, "selector"},
		{"sample", map[string]any{"name": "twk/patch-elements"}, "elements"},
		{"validate", map[string]any{"effects": []any{item}}, `"valid":true`},
		{"connections", map[string]any{"pattern": "default/lobby/*"}, "Ann"},
		{"dry_run", command, "selector #messages"},
	} {
		if got := use(step.tool, step.args); !strings.Contains(got, step.want) {
			t.Errorf("%s: want %q in %s", step.tool, step.want, got)
		}
	}
	quiet(t, a, "#messages", "hello", "a dry run sends nothing")
	use("send", command)
	if e := a.Next(); !has([]twktest.Event{e}, "#messages", "<li>hello</li>") {
		t.Errorf("Ann got %v", e)
	}
}
