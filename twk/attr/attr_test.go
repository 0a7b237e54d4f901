package attr_test

import (
	"bytes"
	"html/template"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

func TestActions(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, got, want string }{
		{"GET", attr.Get("/a?b=c", nil), "@get('/a?b=c')"},
		{"POST", attr.Post("/a", nil), "@post('/a')"},
		{"PUT", attr.Put("/a", nil), "@put('/a')"},
		{"PATCH", attr.Patch("/a", nil), "@patch('/a')"},
		{"DELETE", attr.Delete("/a", nil), "@delete('/a')"},
		{"no option set is none", attr.Get("/a", &attr.Options{}), "@get('/a')"},
		{"a URL stays in its string", attr.Get("/a'),alert(1)//", nil), `@get('/a\u0027\u0029,alert\u00281\u0029//')`},
		{"every option", attr.Post("/a", &attr.Options{
			ContentType: "form", Selector: "#f", Headers: map[string]string{"X-B": "2", "X-A": "it's"}, Include: "^a", Exclude: `\.b$`,
			Payload: map[string]any{"a": 1}, OpenWhenHidden: new(true), Cancellation: attr.CancelDisabled, Retry: attr.RetryError,
			RetryInterval: 2 * time.Second, RetryScaler: 1.5, RetryMaxWait: time.Minute, RetryMaxCount: 3,
		}), `@post('/a',{contentType:'form',selector:'#f',headers:{'X-A':'it\u0027s','X-B':'2'},` +
			`filterSignals:{include:RegExp('\u005ea'),exclude:RegExp('\u005c.b\u0024')},payload:{'a':1},openWhenHidden:true,` +
			`requestCancellation:'disabled',retry:'error',retryInterval:2000,retryScaler:1.5,retryMaxWait:60000,retryMaxCount:3})`},
		{"a stream comes back for ever", attr.StreamAction("/sse", nil), "@get('/sse',{retry:'always',retryMaxCount:Infinity})"},
		{"unless told otherwise", attr.StreamAction("/sse", &attr.Options{Retry: attr.RetryNever, RetryMaxCount: 1, OpenWhenHidden: new(false)}),
			"@get('/sse',{openWhenHidden:false,retry:'never',retryMaxCount:1})"},
		{"one that stays open while hidden opens itself again", attr.StreamAction("/sse", &attr.Options{OpenWhenHidden: new(true)}),
			"(()=>{let n=0,t,r,s=Date.now(),c=new AbortController,o={signal:c.signal}," +
				"open=()=>{n++;@get('/sse',{openWhenHidden:true,retry:'always',retryMaxCount:Infinity}).finally(()=>{n--;if(!n){clearInterval(i);c.abort()}})}," +
				"again=()=>{clearTimeout(t);t=setTimeout(()=>{if(n)open()},50)}," +
				"look=()=>{if(Date.now()-s>12e4)again();s=Date.now()},i=setInterval(look,1e4);open();" +
				"document.addEventListener('resume',again,o);document.addEventListener('visibilitychange',look,o);" +
				"addEventListener('online',again,o);addEventListener('pageshow',e=>{if(e.persisted)again()},o)})()"},
		{"an event", attr.On("click", "$a = 1").String(), `data-on:click="$a = 1"`},
		{"with modifiers", attr.On("input__debounce.200ms", "x < 'y'").String(), `data-on:input__debounce.200ms="x &lt; &#39;y&#39;"`},
		{"a stream", attr.Stream("/sse", nil).Value, "@get('/sse',{retry:'always',retryMaxCount:Infinity})"},
		{"signals", attr.Signals(map[string]any{"a": "b"}).String(), `data-signals="{&#39;a&#39;:&#39;b&#39;}"`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// The client takes a word that it does not know for the default, and a delay of less
// than a millisecond for none, so the program is told.
func TestActionOptionsAreChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, field string
		o             attr.Options
	}{
		{"no content type of the client", "contentType", attr.Options{ContentType: "application/json"}},
		{"no word of the client", "cancellation", attr.Options{Cancellation: "abort"}},
		{"no word of the client", "retry", attr.Options{Retry: "forever"}},
		{"a unit was forgotten", "retryInterval", attr.Options{RetryInterval: 1000}},
		{"it would be in the past", "retryInterval", attr.Options{RetryInterval: -time.Second}},
		{"a unit was forgotten", "retryMaxWait", attr.Options{RetryMaxWait: 30}},
		{"delays would be negative", "retryScaler", attr.Options{RetryScaler: -1}},
		{"it is no number in JavaScript", "retryScaler", attr.Options{RetryScaler: math.NaN()}},
		{"it is no number in JSON", "retryScaler", attr.Options{RetryScaler: math.Inf(1)}},
		{"only RetryForever is negative", "retryMaxCount", attr.Options{RetryMaxCount: -2}},
	}
	for _, tt := range tests {
		for name, write := range map[string]func(string, *attr.Options) string{"Post": attr.Post, "StreamAction": attr.StreamAction} {
			func() {
				defer func() {
					err, _ := recover().(*twk.Error)
					if err == nil || err.Field != tt.field {
						t.Errorf("%s of %s: %s: panic %v", name, tt.field, tt.reason, err)
					}
				}()
				write("/a", &tt.o)
			}()
		}
	}
}

// A name that could leave its attribute is a mistake in the program.
func TestDataAttrName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a=b", `a"`, "a>", "a/", "a'", "å", "a\n"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Data(%q) does not panic", name)
				}
			}()
			attr.Data(name, "x")
		}()
	}
}

// The name of a signal is part of an expression, and only a program may choose it.
func TestStatusName(t *testing.T) {
	t.Parallel()
	if got := attr.Status("_live2").Name; got != "data-on:datastar-fetch" {
		t.Errorf("the attribute is %s", got)
	}
	for _, name := range []string{"", "2a", "a-b", "a.b", "$a", "a b", "a'", "å", "a\n", "a;b", "a="} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Status(%q) does not panic", name)
				}
			}()
			attr.Status(name)
		}()
	}
}

// The functions for html/template give the same expressions in every attribute.
func TestFuncs(t *testing.T) {
	t.Parallel()
	page := template.Must(template.New("").Funcs(attr.Funcs()).Parse(
		`{{datastar}}{{datastar "/d.js"}}<p id="{{elementID "p" .Name}}" data-init="{{stream "/sse"}}" data-text="{{js .Name}}">` +
			`<b data-on:click="{{post "/a" .Options}}; $x = {{js .Name}}" data-on-interval="{{get "/a"}}{{put "/a"}}{{patch "/a"}}{{delete "/a"}}" {{status "_a"}}></b>` +
			`<i data-text="document.querySelector({{js (byID .Name)}})"></i>`))
	var b bytes.Buffer
	if err := page.Execute(&b, map[string]any{"Name": "it's", "Options": &attr.Options{Retry: attr.RetryNever}}); err != nil {
		t.Fatal(err)
	}
	q := "&#39;"
	want := string(twk.Client{}.Script()) + string(twk.Client{URL: "/d.js"}.Script()) + `<p id="p-it_27s" data-init="@get(` + q + `/sse` + q + `,{retry:` + q + `always` + q +
		`,retryMaxCount:Infinity})" data-text="` + q + `it\u0027s` + q + `"><b data-on:click="@post(` + q + `/a` + q + `,{retry:` + q + `never` + q +
		`}); $x = ` + q + `it\u0027s` + q + `" data-on-interval="@get(` + q + `/a` + q + `)@put(` + q + `/a` + q + `)@patch(` + q + `/a` + q + `)@delete(` + q + `/a` + q +
		`)" ` + attr.Status("_a").String() + `></b><i data-text="document.querySelector(` + q + `#it\u005c\u0027s` + q + `)"></i>`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
