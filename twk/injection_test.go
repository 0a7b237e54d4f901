package twk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Whatever text is in whatever field of whatever effect, from Go or from JSON,
// is one event of the right type with nothing foreign in it, or an error that
// names the field.
func TestInjection(t *testing.T) {
	t.Parallel()
	d := plain(t)
	events, refused := 0, 0
	check := func(h hostile, how string, item effect.Data) {
		base, _ := wire(t.Context(), d, h.base)
		got, err := wire(t.Context(), d, item)
		if len(base) == 0 { // an effect that sends nothing
			if len(got) > 0 {
				t.Errorf("%s, %s: sent %q", h.name, how, got)
			}
			return
		}
		if err != nil {
			refused++
			e, ok := errors.AsType[*twk.Error](err)
			if !ok || e.Field != h.place.field || len(got) > 0 {
				t.Errorf("%s, %s: want an error about %q and no event, got %v and %q", h.name, how, h.place.field, err, got)
			}
			return
		}
		events++
		if err := foreign(base, got, h.place.field); err != nil {
			t.Errorf("%s, %s: %v in %q", h.name, how, err, got)
		}
	}
	eachHostile(t, nil, func(h hostile) {
		check(h, "from Go", h.item)
		text, err := json.Marshal(effect.List{h.item})
		if err != nil {
			if !strings.Contains(h.place.path, " JSON") && !strings.Contains(h.place.path, "Signals") {
				t.Errorf("%s: %v", h.name, err)
			}
			return // what is no JSON cannot come as JSON
		}
		items, err := d.Decode(text)
		if !utf8.Valid(text) { // raw JSON that is not UTF-8: nor is what holds it
			if err == nil {
				t.Errorf("%s: text that is not UTF-8 is read", h.name)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: decoding: %v", h.name, err)
			return
		}
		check(h, "from JSON", items[0])
	})
	if events < 5000 || refused < 1000 {
		t.Errorf("%d events and %d errors: the table shrank", events, refused)
	}
	t.Logf("%d events, %d errors", events, refused)
}

// foreign reports what is in the event got that the attack, which is in field,
// brought with it.
func foreign(base, got []byte, field string) error {
	wants, err := twktest.All(bytes.NewReader(base))
	if err != nil || len(wants) != 1 {
		return fmt.Errorf("the event without the attack is %q", base)
	}
	events, err := twktest.All(bytes.NewReader(got))
	if err != nil || len(events) != 1 {
		return fmt.Errorf("%d events, error %v", len(events), err)
	}
	want, event := wants[0], events[0]
	if err := event.Check(); err != nil {
		return err
	}
	if event.Type != want.Type || event.Retry != want.Retry || event.ID != want.ID && field != "eventId" {
		return fmt.Errorf("type, id or retry changed to %q, %q, %q", event.Type, event.ID, event.Retry)
	}
	a, b := want.Fields(), event.Fields()
	for key := range maps.Keys(b) {
		own := map[string][]string{
			"viewTransitionSelector": {"viewTransitionSelector", "useViewTransition"},
			"script":                 {"elements"}, "url": {"elements"}, "message": {"elements"}, "nonce": {"elements"}, "urls": {"elements"},
			"name": {"elements"}, "detail": {"elements"}, "attributes": {"elements"}, "late": {"signals"},
		}[field]
		if a["selector"] == "body" && field == "selector" { // that of a custom event
			own = []string{"elements"}
		}
		if b[key] != a[key] && key != field && !slices.Contains(own, key) {
			return fmt.Errorf("%s became %q", key, b[key])
		}
	}
	if a["selector"] == "body" {
		return onlyScript(b["elements"])
	}
	if s, ok := b["signals"]; ok && (!json.Valid([]byte(s)) || s[0] != '{') {
		return fmt.Errorf("the signals are no JSON object")
	}
	return nil
}

// onlyScript reports whether markup is anything but one script element without
// handlers.
func onlyScript(markup string) error {
	nodes, err := html.ParseFragment(strings.NewReader(markup), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return err
	}
	if len(nodes) != 1 || nodes[0].DataAtom != atom.Script {
		return fmt.Errorf("the script is %d elements", len(nodes))
	}
	for _, a := range nodes[0].Attr {
		if !slices.Contains([]string{"data-effect", "nonce", "type", "title"}, a.Key) {
			return fmt.Errorf("the script has an attribute %q", a.Key)
		}
	}
	return nil
}
