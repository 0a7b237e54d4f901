package twk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// FuzzFramer puts any text into every part of every kind of event. What leaves
// is one event that says what the effect says, or an error that names a field.
func FuzzFramer(f *testing.F) {
	for _, sign := range signs {
		for i, s := range attacks(sign.text) {
			f.Add(uint8(i), s, "#a", "e1", 300, "append")
			f.Add(uint8(i), "<p></p>", s, s, 0, s)
		}
	}
	d := plain(f)
	f.Fuzz(func(t *testing.T, kind uint8, text, selector, id string, retry int, mode string) {
		o := twk.EventOptions{EventID: id, RetryMillis: retry}
		var item effect.Data
		want := map[string]string{}
		typ := "datastar-patch-elements"
		put := func(key, value string) {
			if strings.TrimSpace(value) != "" {
				want[key] = value
			}
		}
		switch kind % 8 {
		case 0:
			item = twk.PatchElements{Elements: twk.HTML(text), Selector: selector, Mode: twk.Mode(mode), EventOptions: o}
			put("elements", normal(text))
			put("selector", selector)
			if mode != "outer" {
				put("mode", mode)
			}
		case 1:
			item = twk.PatchElementsSeq{Elements: []twk.Content{twk.HTML(text), twk.HTML(text)}, ViewTransitionSelector: selector, Mode: twk.ModeReplace, EventOptions: o}
			put("elements", normal(text+"\n"+text))
			put("mode", "replace")
			if put("viewTransitionSelector", selector); want["viewTransitionSelector"] != "" {
				want["useViewTransition"] = "true"
			}
		case 2:
			item = twk.PatchSignals{Signals: map[string]any{text: map[string]string{selector: mode}}, EventOptions: o}
			typ = "datastar-patch-signals"
		case 3:
			item = twk.PatchSignals{Signals: json.RawMessage(text), EventOptions: o}
			typ = "datastar-patch-signals"
		case 4:
			item = twk.ExecuteScript{Script: text, Attributes: map[string]string{"title": selector, mode: "x"}, EventOptions: o}
		case 5:
			item = twk.Redirect{URL: text, Nonce: selector, EventOptions: o}
		case 6:
			item = twk.ConsoleLog{Message: text, Level: mode, EventOptions: o}
		case 7:
			item = twk.DispatchCustomEvent{Name: text, Selector: selector, Detail: mode, EventOptions: o}
		}
		got, err := wire(t.Context(), d, item)
		if err != nil {
			if e, ok := errors.AsType[*twk.Error](err); !ok || e.Field == "" || len(got) > 0 {
				t.Fatalf("an error without a field: %v", err)
			}
			return
		}
		events, err := twktest.All(bytes.NewReader(got))
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events and %v in %q", len(events), err, got)
		}
		e := events[0]
		if err := e.Check(); err != nil {
			t.Fatalf("%v in %q", err, got)
		}
		if e.Type != typ || e.ID != id {
			t.Fatalf("type %q and id %q in %q", e.Type, e.ID, got)
		}
		fields := e.Fields()
		switch {
		case typ == "datastar-patch-signals":
			if s := fields["signals"]; len(fields) != 1 || !json.Valid([]byte(s)) || s[0] != '{' {
				t.Fatalf("fields %q", fields)
			}
		case kind%8 >= 4:
			if len(fields) != 3 || fields["selector"] != "body" || fields["mode"] != "append" {
				t.Fatalf("fields %q", fields)
			}
			if kind%8 > 4 || utf8.ValidString(text) { // the title may be anything else
				if err := onlyScript(fields["elements"]); err != nil && (kind%8 != 4 || !strings.Contains(err.Error(), "attribute")) {
					t.Fatalf("%v in %q", err, got)
				}
			}
		default:
			if len(fields) != len(want) {
				t.Fatalf("fields %q, want %q", fields, want)
			}
			for key, value := range want {
				if fields[key] != value {
					t.Fatalf("%s is %q, want %q", key, fields[key], value)
				}
			}
		}
	})
}

// normal is what a browser makes of markup before it parses it.
func normal(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(s)
	return strings.ToValidUTF8(s, "\ufffd")
}
