package twk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"

	g "maragu.dev/gomponents"
	gh "maragu.dev/gomponents/html"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

// show runs effects and prints the data of their events.
func show(effects ...effect.Data) {
	d := dispatch.Must(dispatch.New(twk.Registry(nil)))
	var out twk.Collector
	res := d.Dispatch(context.Background(), twk.Session{Out: &out}, effects...)
	for _, f := range out.Frames {
		for _, line := range f.Event().Data {
			fmt.Println(line)
		}
	}
	if e, ok := errors.AsType[*twk.Error](res.Err()); ok {
		fmt.Println(e)
	}
}

func ExamplePatchElements() {
	show(twk.PatchElements{
		Elements: twk.HTML(`<li>` + template.HTMLEscapeString("1 < 2") + `</li>`),
		Selector: "#messages",
		Mode:     twk.ModeAppend,
	})
	// Output:
	// selector #messages
	// mode append
	// elements <li>1 &lt; 2</li>
}

func ExamplePatchElementsSeq() {
	var notice twk.Content // nothing to say today
	show(twk.PatchElementsSeq{Elements: []twk.Content{
		twk.HTML(`<p id="status">Saved</p>`), notice, twk.HTML(`<p id="count">3</p>`),
	}})
	// Output:
	// elements <p id="status">Saved</p>
	// elements <p id="count">3</p>
}

func ExampleNode() {
	show(twk.PatchElements{Elements: twk.Node(gh.P(gh.ID("status"), g.Text("1 < 2")))})
	// Output:
	// elements <p id="status">1 &lt; 2</p>
}

func ExampleTemplate() {
	t := template.Must(template.New("page").Parse(`{{define "status"}}<p id="status">{{.}}</p>{{end}}`))
	show(twk.PatchElements{Elements: twk.Template(t, "status", "1 < 2")})
	// Output:
	// elements <p id="status">1 &lt; 2</p>
}

// A templ component is content as it is.
func ExampleContent_templ() {
	show(twk.PatchElements{Elements: bubble("1 < 2")})
	// Output:
	// elements <p id="b">1 &lt; 2</p>
}

func ExampleExecuteScript() {
	show(
		twk.ExecuteScript{Script: "document.title = " + twk.JS(`</script>"`)},
		twk.ExecuteScript{Script: "document.title = '</script>'"},
	)
	// Output:
	// selector body
	// mode append
	// elements <script data-effect="el.remove()">document.title = '\u003c/script\u003e\u0022'</script>
	// twk: checking an event: script: contains </script or <!--, with which text can leave the script: pass values through twk.JS, or write <\/script and <\!-- in strings
}

func ExampleRedirect() {
	show(twk.Redirect{URL: "javascript:alert(1)"})
	// Output:
	// twk: checking an event: url: has the scheme "javascript": use http, https, mailto or a relative URL
}

func ExampleRemoveElement() {
	show(twk.RemoveElement{Selector: "#" + twk.ElementID("person", "Ann & Bob")})
	// Output:
	// selector #person-Ann_20_26_20Bob
	// mode remove
}

// Effects are data: they can be written down, sent and run somewhere else.
func ExampleConsoleLog() {
	text, err := json.Marshal(effect.List{twk.ConsoleLog{Message: "hello", Level: "info"}})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(string(text))
	// Output:
	// [{"effect":"twk/console-log","args":{"message":"hello","level":"info"}}]
}

// A step of the audit sees every event before it is sent.
func ExampleRegistryOptions() {
	audit := func(next twk.Emit) twk.Emit {
		return func(ctx context.Context, s twk.Session, f *sse.Frame) error {
			fmt.Println("sending", f.Event().Type)
			return next(ctx, s, f)
		}
	}
	d := dispatch.Must(dispatch.New(twk.Registry(&twk.RegistryOptions{Audit: []func(twk.Emit) twk.Emit{audit}})))
	d.Dispatch(context.Background(), twk.Session{Out: &twk.Collector{}}, twk.PatchSignals{Signals: map[string]int{"n": 1}})
	// Output:
	// sending datastar-patch-signals
}

func ExampleJS() {
	fmt.Println(attr.Data("text", twk.JS(`"; alert(1)`)+" + $suffix"))
	// Output:
	// data-text="&#39;\u0022\u003b alert\u00281\u0029&#39; + $suffix"
}

func ExampleElementID() {
	fmt.Println(twk.ElementID("person", "Ann"))
	fmt.Println(twk.ElementID("person", "Ann O'Neil"))
	fmt.Println(twk.ElementID("person", "a-b"))
	// Output:
	// person-Ann
	// person-Ann_20O_27Neil
	// person-a_-b
}

func ExampleByID() {
	fmt.Println(twk.ByID("todo.1"))
	// Output:
	// #todo\.1
}

func ExampleClient_Script() {
	fmt.Println(twk.Client{URL: "/static/datastar.js"}.Script())
	// Output:
	// <script type="module" src="/static/datastar.js"></script>
}
