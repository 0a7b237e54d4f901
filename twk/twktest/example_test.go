package twktest_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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

// A held stream without a server: a day of silence takes no time.
func ExampleServe() {
	inTest(func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			hub := sse.NewHub(&sse.HubOptions{Heartbeat: time.Hour})
			d := dispatch.Must(dispatch.New(twk.Registry(nil)))
			bridge := twk.NewBridge(d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{Hub: hub})
			live := bridge.Handle(func(*twk.Request) twk.Response {
				return twk.Stream(twk.PatchSignals{Signals: map[string]any{"online": true}})
			})
			s := twktest.Serve(t, live, twktest.HTTPRequest("GET", "/live", nil))
			fmt.Println(s.Next().Fields()["signals"])
			time.Sleep(24*time.Hour + time.Minute)
			fmt.Println(s.Comments() >= 23, len(s.Pending()))
			s.Close()
			fmt.Println(hub.Len())
		})
	})
	// Output:
	// {"online":true}
	// true 0
	// 0
}

// markup renders itself as gomponents nodes do.
type markup string

func (m markup) Render(w io.Writer) error {
	_, err := io.WriteString(w, string(m))
	return err
}

// inTest stands for the function that go test calls.
func inTest(f func(t *testing.T)) {
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "TestLive", F: f}})
}
