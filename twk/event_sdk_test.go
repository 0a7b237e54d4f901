package twk

import (
	"bytes"
	"html"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starfederation/datastar-go/datastar"

	"github.com/sfere-go/sfere/sse"
)

// sdk returns what the generator of datastar-go writes.
func sdk(t *testing.T, write func(*datastar.ServerSentEventGenerator) error) string {
	t.Helper()
	w := httptest.NewRecorder()
	g := datastar.NewSSE(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	w.Body.Reset()
	if err := write(g); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}

// FuzzFramesAreThoseOfTheSDK compares the bytes of every kind of event with those of
// datastar-go. The one difference is a retry of 1000 ms, which the SDK leaves out.
func FuzzFramesAreThoseOfTheSDK(f *testing.F) {
	for _, text := range []string{"<p id=\"a\">b</p>", "<p id=\"a\">\n b\n\n</p>\n", "", "\n", "a\r\nb\rc", "<circle r=\"1\"/>\n<path/>", "\x00\xff", `{"a": 1}`, "{\"a\":\n[1,\n2]}"} {
		for kind := range uint8(3) {
			f.Add(kind, text, "#a", "append", "svg", false, "", "e1", 300, true)
			f.Add(kind, text, "", "", "", true, "main", "", 0, false)
			f.Add(kind, text, " ", "outer", "html", true, "", "", 999, false)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text, selector, mode, namespace string, transition bool, transitionOf, id string, retry int, flag bool) {
		if retry == 1000 {
			t.Skip()
		}
		o := EventOptions{EventID: id, RetryMillis: retry}
		wait := time.Duration(retry) * time.Millisecond
		var frame *sse.Frame
		var err error
		var want func(*datastar.ServerSentEventGenerator) error
		switch kind % 3 {
		case 0:
			p := PatchElements{Selector: selector, Mode: Mode(mode), Namespace: Namespace(namespace), ViewTransition: transition, ViewTransitionSelector: transitionOf, EventOptions: o}
			frame, err = frameElements(p, text)
			p, markup := settle(p, text)
			opts := []datastar.PatchElementOption{datastar.WithSelector(p.Selector), datastar.WithPatchElementsEventID(id), datastar.WithNamespace(datastar.Namespace(namespace))}
			if mode != "" {
				opts = append(opts, datastar.WithMode(datastar.ElementPatchMode(mode)))
			}
			if p.ViewTransition || p.ViewTransitionSelector != "" {
				opts = append(opts, datastar.WithUseViewTransitions(true), datastar.WithViewTransitionSelector(p.ViewTransitionSelector))
			}
			if retry != 0 {
				opts = append(opts, datastar.WithRetryDuration(wait))
			}
			want = func(g *datastar.ServerSentEventGenerator) error { return g.PatchElements(markup, opts...) }
		case 1:
			frame, err = frameSignals(PatchSignals{OnlyIfMissing: flag, EventOptions: o}, []byte(text))
			opts := []datastar.PatchSignalsOption{datastar.WithPatchSignalsEventID(id), datastar.WithOnlyIfMissing(flag)}
			if retry != 0 {
				opts = append(opts, datastar.WithPatchSignalsRetryDuration(wait))
			}
			want = func(g *datastar.ServerSentEventGenerator) error {
				object := frame.Event().Data // compact by then, so one line
				return g.PatchSignals([]byte(object[len(object)-1][len("signals "):]), opts...)
			}
		case 2:
			frame, err = frameScript(ExecuteScript{Script: text, Attributes: map[string]string{"title": selector}, Keep: flag, EventOptions: o})
			opts := []datastar.ExecuteScriptOption{datastar.WithExecuteScriptAttributeKVs("title", html.EscapeString(selector)),
				datastar.WithExecuteScriptEventID(id), datastar.WithExecuteScriptAutoRemove(!flag)}
			if retry != 0 {
				opts = append(opts, datastar.WithExecuteScriptRetryDuration(wait))
			}
			want = func(g *datastar.ServerSentEventGenerator) error { return g.ExecuteScript(clean(text), opts...) }
		}
		if err != nil {
			return // FuzzFramer looks at those
		}
		if diff := cmp.Diff(sdk(t, want), string(frame.Bytes())); diff != "" {
			t.Errorf("(-SDK +ours):\n%s", diff)
		}
		if cap := cap(frame.Bytes()); cap > 2*len(frame.Bytes())+256 {
			t.Errorf("%d bytes in memory for %d", cap, frame.Len())
		}
	})
}

// The SDK takes 1000 ms for unset; here it is said.
func TestRetryOfASecond(t *testing.T) {
	frame, err := frameSignals(PatchSignals{EventOptions: EventOptions{RetryMillis: 1000}}, []byte("{}"))
	if err != nil || !bytes.Contains(frame.Bytes(), []byte("\nretry: 1000\n")) {
		t.Errorf("%v: %q", err, frame.Bytes())
	}
}
