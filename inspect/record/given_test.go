package record_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// What was dispatched is kept as it was, beside what ran: late values as references,
// actions unexpanded, and what never ran.
func TestGivenItems(t *testing.T) {
	rec := record.New(0)
	d := recorded(t, rec)
	secret := twk.PatchSignals{Signals: map[string]any{"token": hunter}}
	items := effect.List{Twice{Items: effect.List{Do{"a"}}}, effect.Raw{Effect: "test/gone"}, secret}
	d.Dispatch(t.Context(), 0, items...)
	got := rec.Recent()[0].Given
	want := []record.Given{{Item: items[0]}, {Item: items[1]}, {Item: twk.PatchSignals{Signals: map[string]any{"token": record.Hidden}}, Hidden: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
	if secret.Signals.(map[string]any)["token"] != hunter {
		t.Error("the program's own data has changed")
	}
	many := make(effect.List, record.MaxEntries+3)
	for i := range many {
		many[i] = Do{"a"}
	}
	d.Dispatch(t.Context(), 0, many...)
	if last := rec.Recent()[0]; len(last.Given) != record.MaxEntries || last.More != 3 {
		t.Errorf("%d items are kept and %d are more", len(last.Given), last.More)
	}
}

// Data that is given and runs as it is, is kept once.
func TestGivenIsKeptOnce(t *testing.T) {
	rec := record.New(0)
	d := recorded(t, rec)
	text := strings.Repeat("x", 10_000)
	d.Dispatch(t.Context(), 0, Do{text})
	if n := rec.Stats().Bytes; n < len(text) || n > len(text)*3/2 {
		t.Errorf("%d bytes are kept of %d", n, len(text))
	}
	bounded := record.NewWith(&record.Options{Bytes: 64 << 10})
	items := make(effect.List, 20)
	for i := range items {
		items[i] = Do{text}
	}
	recorded(t, bounded).Dispatch(t.Context(), 0, items...)
	last := bounded.Recent()[0]
	if n := bounded.Stats().Bytes; n > 64<<10 || last.Given[0].Item == nil || last.Given[19].Item != nil || last.Given[19].Omitted < 8000 {
		t.Errorf("%d bytes are kept, and of the last item %+v", n, last.Given[19])
	}
}

// Shopper is a Ctx.
type Shopper struct {
	twk.Session
	User   string             `json:"user"`
	Since  time.Time          `json:"since"`
	Basket struct{ Size int } `json:"basket"`
	Token  string             `json:"token"`
	Shared map[string]int     `json:"shared"`
	Conns  *sfere.Conns       `json:"conns"`
	hidden string
}

// Of the Ctx nothing is kept unless the program wants it; then what nobody can change
// meanwhile, and no secrets.
func TestCtxIsKeptOnRequest(t *testing.T) {
	c := Shopper{User: "ann", Since: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Token: hunter, Shared: map[string]int{"n": 1}, Conns: sfere.New(nil), hidden: "x"}
	c.Basket.Size = 3
	for _, test := range []struct {
		reason string
		o      *record.Options
		want   string
	}{
		{"by default", nil, ""},
		{"on request", &record.Options{Ctx: true}, `{"basket":{"Size":3},"since":"2020-01-02T03:04:05Z","token":"[hidden]","user":"ann"}`},
	} {
		rec := record.NewWith(test.o)
		d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[Shopper](rec)),
			registry.New("test", effect.Handle("Do it.", func(_ context.Context, call effect.Call[Shopper], _ Do) (any, error) { return nil, nil }))))
		d.Dispatch(t.Context(), c, Do{"a"})
		if diff := cmp.Diff(test.want, string(rec.Recent()[0].Ctx)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
	rec := record.NewWith(&record.Options{Ctx: true})
	recorded(t, rec).Dispatch(t.Context(), 7, Do{"a"})
	if got := string(rec.Recent()[0].Ctx); got != "7" {
		t.Errorf("a Ctx that is a number is kept as %s", got)
	}
}

// A dispatch that is recorded apart is in no log, with all that it continues.
func TestApart(t *testing.T) {
	rec := record.NewWith(&record.Options{Secrets: []string{"iban"}})
	d := recorded(t, rec)
	ctx, aside := record.Apart(t.Context())
	ctx = context.WithValue(ctx, doKey{}, map[string]doer{"again": func(ctx context.Context, call effect.Call[int]) (any, error) {
		return nil, call.Dispatch(ctx, Do{"inner"}).Err()
	}})
	d.Dispatch(ctx, 0, Do{"again"}, effect.Raw{Effect: "test/gone", Args: []byte(`{"iban":"` + hunter + `"}`)})
	if n := rec.Stats().Total; n != 0 || len(rec.Recent()) != 0 {
		t.Errorf("%d dispatches are in the log", n)
	}
	last, ok := aside.Last()
	if !ok || len(last.Steps) != 2 || len(last.Steps[0].Nested) != 1 || strings.Contains(everything(last), hunter) {
		t.Errorf("recorded apart is %+v", last)
	}
	d.Dispatch(t.Context(), 0, Do{"a"})
	if n := rec.Stats().Total; n != 1 {
		t.Errorf("of what is dispatched without it, %d dispatches are in the log", n)
	}
	if _, ok := new(record.Aside).Last(); ok {
		t.Error("something is there before anything was dispatched")
	}
}
