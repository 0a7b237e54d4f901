package twktest_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// greet is the handler under test.
func greet(r *twk.Request) twk.Response {
	var in struct{ Name string }
	if err := r.Signals(&in); err != nil {
		return twk.BadRequest(err)
	}
	return twk.Respond(
		twk.PatchElements{Elements: twk.HTML(`<p id="greeting">Hello, ` + html.EscapeString(in.Name) + `!</p>`)},
		twk.PatchSignals{Signals: map[string]any{"name": ""}},
	)
}

// A handler is a function from a request to data: call it and compare.
func ExampleRequest() {
	got := greet(twktest.Request("POST", "/greet", map[string]any{"name": "Ann"}))
	want := effect.List{
		twk.PatchElements{Elements: twk.HTML(`<p id="greeting">Hello, Ann!</p>`)},
		twk.PatchSignals{Signals: map[string]any{"name": ""}},
	}
	fmt.Printf("difference: %q\n", cmp.Diff(want, got.Effects, twktest.Rendered()))
	// Output: difference: ""
}

// Content is compared by its markup, whatever makes it.
func ExampleRendered() {
	component := twk.Node(markup("<b>1</b>"))
	fmt.Println(cmp.Equal(
		twk.PatchElements{Elements: component},
		twk.PatchElements{Elements: twk.HTML("<b>1</b>")},
		twktest.Rendered(),
	))
	// Output: true
}

// Signals travel in the query of a GET.
func ExampleHTTPRequest() {
	r := twktest.HTTPRequest("GET", "/live", map[string]any{"n": 1}, &http.Cookie{Name: "user", Value: "ann"})
	fmt.Println(r.URL.Query().Get("datastar"))
	fmt.Println(r.Header.Get("Datastar-Request"), r.Header.Get("Cookie"))
	// Output:
	// {"n":1}
	// true user=ann
}

// An event is what the client makes of it.
func ExampleEvent_Fields() {
	e := twktest.Event{Type: "datastar-patch-elements", Data: []string{"mode inner", "elements <p>", "elements </p>"}}
	fmt.Printf("%q\n", e.Fields())
	// Output: map["elements":"<p>\n</p>" "mode":"inner"]
}

// A held stream without a server. In a bubble of testing/synctest, a day of
// silence would take no time.
func ExampleServe() {
	var t testing.TB = example{} // the *testing.T of a test
	hub := sse.NewHub(nil)
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: hub})
	live := bridge.Handle(func(*twk.Request) twk.Response {
		return twk.Stream(twk.PatchSignals{Signals: map[string]any{"online": true}})
	})
	s := twktest.Serve(t, live, twktest.HTTPRequest("GET", "/live", nil))
	fmt.Println(s.Next().Fields()["signals"])
	s.Close() // the client leaves, and the handler has returned
	fmt.Println(hub.Len(), "streams left")
	// Output:
	// {"online":true}
	// 0 streams left
}

// The same over a real server, which cuts the stream when it goes down.
func ExampleOpen() {
	var t testing.TB = example{} // the *testing.T of a test
	hub := sse.NewHub(nil)
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: hub})
	srv := httptest.NewServer(bridge.Handle(func(*twk.Request) twk.Response {
		return twk.Stream(twk.PatchElements{Elements: twk.HTML(`<p id="a">1</p>`)})
	}))
	defer srv.Close()
	s := twktest.Open(t, srv.Client(), twktest.HTTPRequest("GET", srv.URL+"/live", nil))
	patch := s.Until(func(e twktest.Event) bool { return e.Type == "datastar-patch-elements" })
	fmt.Println(patch.Fields()["elements"])
	_ = hub.Drain(context.Background(), 0)
	fmt.Println(errors.Is(s.Ended(), twktest.ErrCut))
	// Output:
	// <p id="a">1</p>
	// true
}

// markup renders itself as gomponents nodes do.
type markup string

func (m markup) Render(w io.Writer) error {
	_, err := io.WriteString(w, string(m))
	return err
}

// example stands for the *testing.T that go test gives to a test.
type example struct{ testing.TB }

func (example) Helper()                           {}
func (example) Cleanup(func())                    {}
func (example) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
