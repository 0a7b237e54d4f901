package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/inspect/record"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// the secret that no recording must have.
const hunter = "hunter2!"

// LogIn is an effect with secrets in all places.
type LogIn struct {
	Name     string              `json:"name"`
	Password string              `json:"password,omitempty"`
	Code     string              `json:"code,omitempty" sfere:"secret"`
	Pin      int                 `json:"pin,omitempty" sfere:"secret"`
	Late     effect.Late[string] `json:"late,omitempty" sfere:"secret"`
	Key      []byte              `json:"key,omitempty" sfere:"secret"`
	More     *Account            `json:"more,omitempty"`
	Header   map[string][]string `json:"header,omitempty"`
	HasToken bool                `json:"hasToken,omitempty"`
}

// Account is a part of it.
type Account struct {
	APIKey string     `json:"k"`
	Iban   string     `json:"iban,omitempty"`
	Others []*Account `json:"others,omitempty"`
}

func (LogIn) EffectName() string { return "test/log-in" }

// Receipt is what it returns.
type Receipt struct {
	ID    int
	Token string
}

// everything a recording shows, as text.
func everything(d record.Dispatch) string {
	text := fmt.Sprintf("%#v\n", d)
	var walk func(record.Dispatch)
	walk = func(d record.Dispatch) {
		for _, s := range d.Steps {
			item, err := json.Marshal(s.Item)
			value, _ := json.Marshal(s.Value)
			text += fmt.Sprintf("%#v %s %s %v %v\n", s.Item, item, value, err, s.Error)
			for _, n := range s.Nested {
				walk(n)
			}
		}
		for _, n := range d.Nested {
			walk(n)
		}
	}
	walk(d)
	for _, g := range d.Given {
		item, err := json.Marshal(g.Item)
		text += fmt.Sprintf("%#v %s %v\n", g.Item, item, err)
	}
	return text + string(d.Ctx)
}

func TestRecorderHidesSecrets(t *testing.T) {
	raw := func(args string) effect.Data { return effect.Raw{Effect: "test/log-in", Args: []byte(args)} }
	for _, tt := range []struct {
		reason string
		item   effect.Data
		shows  string // nevertheless
	}{
		{"a field by its name", LogIn{Name: "ann", Password: hunter}, `"name":"ann"`},
		{"a field by its tag", LogIn{Name: "ann", Code: hunter}, `"code":"[hidden]"`},
		{"a late value", LogIn{Late: effect.Now(hunter)}, `"late":"[hidden]"`},
		{"bytes", LogIn{Key: []byte(hunter)}, `"name"`},
		{"behind a pointer, by the name of the Go field", LogIn{More: &Account{APIKey: hunter}}, `"k":"[hidden]"`},
		{"in a list", LogIn{More: &Account{Others: []*Account{nil, {APIKey: hunter}}}}, `[hidden]`},
		{"a map", LogIn{Header: map[string][]string{"Authorization": {"Bearer " + hunter}, "Accept": {"text/html"}}}, `text/html`},
		{"a signal", twk.PatchSignals{Signals: map[string]any{"password": hunter, "n": 1}}, `"n":1`},
		{"a signal of a map of texts", twk.PatchSignals{Signals: map[string]string{"apiKey": hunter, "n": "1"}}, `"n":"1"`},
		{"a signal deep inside", twk.PatchSignals{Signals: map[string]any{"form": map[string]any{"fields": []any{map[string]any{"api_key": hunter}}}}}, `"fields"`},
		{"an object as a secret", twk.PatchSignals{Signals: map[string]any{"credentials": map[string]any{"user": "ann", "pass": hunter}}}, `[hidden]`},
		{"signals as a struct", twk.PatchSignals{Signals: LogIn{Code: hunter}}, `"code":"[hidden]"`},
		{"signals as JSON", twk.PatchSignals{Signals: json.RawMessage(`{"csrf-token":"` + hunter + `","n":12345678901234567890}`)}, `12345678901234567890`},
		{"a late signal", twk.PatchSignals{Late: map[string]effect.Late[any]{"secret": effect.Now[any](hunter)}}, `"secret":"[hidden]"`},
		{"wire form", raw(`{"name":"ann","password":"` + hunter + `"}`), `"name":"ann"`},
		{"wire form, by its tag", raw(`{"name":"ann","code":"` + hunter + `"}`), `"name":"ann"`},
		{"wire form of what nobody knows", effect.Raw{Effect: "test/gone", Args: []byte(`{"secret":["` + hunter + `"],"n":1}`)}, `"n":1`},
		{"wire form that does not decode", raw(`{"name":1,"password":"` + hunter + `"}`), `"name":1`},
		{"wire form that is no JSON", effect.Raw{Effect: "test/gone", Args: []byte(`{"password":"` + hunter)}, `not JSON`},
		{"a list inside", effect.Batch{Effects: effect.List{LogIn{Code: hunter}, raw(`{"code":"` + hunter + `"}`)}}, `"code":"[hidden]"`},
		{"a list inside of a list", effect.Serial{Key: "k", Effects: effect.List{&effect.Batch{Effects: effect.List{raw(`{"code":"` + hunter + `"}`)}}}}, `"code":"[hidden]"`},
		{"a reference in wire form", twk.PatchSignals{Late: map[string]effect.Late[any]{"n": effect.Later[any](effect.Raw{Effect: "test/code", Args: []byte(`{"code":"` + hunter + `"}`)})}}, `test/code`},
		{"a broadcast", sfere.Broadcast{To: sfere.Category("x"), Effects: effect.List{twk.PatchSignals{Signals: map[string]any{"token": hunter}}}}, `*`},
		{"an error tells it", LogIn{Name: "fail", Code: hunter}, "no user with [hidden]"},
		{"an error of a continuation tells it", LogIn{Name: "nest", Code: hunter}, "no user with [hidden]"},
		{"an error holds the data", LogIn{Name: "data", Code: hunter}, "denied"},
		{"a panic with the data", LogIn{Name: "panic", Code: hunter}, "panic"},
		{"a result by its name", LogIn{Name: "give", Code: hunter}, `"ID":7`},
		{"a bool is no secret", LogIn{HasToken: true}, `"hasToken":true`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			rec := record.New(0)
			d := dispatch.Must(dispatch.New(
				registry.New("record", record.Interceptor[twk.Session](rec)), twk.Registry(nil), sfere.Registry(sfere.New(nil)), logIns(),
			))
			d.Dispatch(t.Context(), twk.Session{Out: &twk.Collector{}}, tt.item)
			got := everything(rec.Recent()[0])
			if strings.Contains(got, hunter) || strings.Contains(got, "aHVudGVyMi") {
				t.Errorf("the secret is shown:\n%s", got)
			}
			if !strings.Contains(got, tt.shows) {
				t.Errorf("there is no %s in:\n%s", tt.shows, got)
			}
		})
	}
}

// dataError has the data in it.
type dataError struct{ LogIn LogIn }

func (dataError) Error() string { return "denied" }

func logIns() registry.Registry[twk.Session] {
	return registry.New("test", effect.Handle("Log in.", func(ctx context.Context, call twk.Call, l LogIn) (Receipt, error) {
		switch l.Name {
		case "fail":
			return Receipt{}, errors.New("no user with " + l.Code)
		case "nest":
			return Receipt{}, call.Dispatch(ctx, LogIn{Name: "fail", Code: l.Code}).Err()
		case "data":
			return Receipt{}, dataError{l}
		case "panic":
			panic(l)
		case "give":
			return Receipt{7, l.Code}, nil
		}
		return Receipt{}, nil
	}))
}

// The last of many secrets is hidden as well, and one that begins with another.
func TestRecorderHidesManySecrets(t *testing.T) {
	for _, n := range []int{3, 40, 300, 2000} {
		rec := record.New(0)
		d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), twk.Registry(nil), logIns(),
			registry.New("many", effect.Handle("Log in as many.", func(ctx context.Context, call twk.Call, m Do) (any, error) {
				var all effect.List
				for i := range n {
					all = append(all, LogIn{Name: "fail", Code: fmt.Sprint("hunter2!", i)})
				}
				return nil, call.Dispatch(ctx, all...).Err()
			}))))
		d.Dispatch(t.Context(), twk.Session{}, Do{})
		if got := everything(rec.Recent()[0]); strings.Contains(got, "hunter") || strings.Contains(got, record.Hidden+"0") || !strings.Contains(got, record.Hidden) {
			t.Errorf("of %d secrets some are shown: %.2000s", n, got)
		}
	}
}

// Programs choose their own names.
func TestRecorderSecretNames(t *testing.T) {
	for _, tt := range []struct {
		reason string
		names  []string
		hidden map[string]bool
	}{
		{"the default", nil, map[string]bool{"password": true, "iban": false, "code": true}},
		{"one more", append(record.Secrets(), "IBAN"), map[string]bool{"password": true, "iban": true, "code": true}},
		{"none", []string{}, map[string]bool{"password": false, "iban": false, "code": true}},
		{"what is empty names nothing", []string{"", "-"}, map[string]bool{"password": false, "iban": false, "code": true}},
	} {
		rec := record.NewWith(&record.Options{Secrets: tt.names})
		d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), logIns()))
		d.Dispatch(t.Context(), twk.Session{}, LogIn{Password: "password", Code: "code", More: &Account{Iban: "iban"}})
		l := rec.Recent()[0].Steps[0].Item.(LogIn)
		got := map[string]string{"password": l.Password, "iban": l.More.Iban, "code": l.Code}
		for name, hidden := range tt.hidden {
			if want := map[bool]string{true: record.Hidden, false: name}[hidden]; got[name] != want {
				t.Errorf("%s: %s is %q, want %q", tt.reason, name, got[name], want)
			}
		}
	}
}

// What is kept is a copy: the program may go on with its own.
func TestRecorderCopies(t *testing.T) {
	rec := record.New(0)
	d := dispatch.Must(dispatch.New(registry.New("record", record.Interceptor[twk.Session](rec)), logIns()))
	in := LogIn{More: &Account{Iban: "before"}, Header: map[string][]string{"a": {"before"}}, Password: "x"}
	d.Dispatch(t.Context(), twk.Session{}, in)
	in.More.Iban, in.Header["a"][0] = "after", "after"
	if got := rec.Recent()[0].Steps[0].Item.(LogIn); got.More.Iban != "before" || got.Header["a"][0] != "before" {
		t.Errorf("the recording has changed with the data: %+v", got)
	}
	if in.Password != "x" {
		t.Error("the data of the program was changed")
	}
}
