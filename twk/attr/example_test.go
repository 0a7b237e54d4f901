package attr_test

import (
	"fmt"
	"html/template"
	"os"
	"strings"

	g "maragu.dev/gomponents"
	gh "maragu.dev/gomponents/html"

	"github.com/sfere-go/sfere/twk/attr"
)

func ExampleGet() {
	fmt.Println(attr.Get("/search?q=it's", nil))
	fmt.Println(attr.Post("/upload", &attr.Options{ContentType: "form"}))
	// Output:
	// @get('/search?q=it\u0027s')
	// @post('/upload',{contentType:'form'})
}

// A program asks another server by name. A URL that names one by itself, as one
// from a user might, is refused.
func ExampleOptions_origin() {
	fmt.Println(attr.Get("/prices", &attr.Options{Origin: "https://api.example.com"}))
	defer func() { fmt.Println(recover()) }()
	attr.Get("//evil.example/prices", nil)
	// Output:
	// @get('https://api.example.com/prices')
	// twk: writing an action: url: "//evil.example/prices" names another server: use a path of the program's own, and Options.Origin for another server
}

func ExampleStream() {
	fmt.Printf("<body %s>\n", attr.Stream("/live", nil))
	// Output:
	// <body data-init="@get(&#39;/live&#39;,{retry:&#39;always&#39;,retryMaxCount:Infinity})">
}

// The page says when its connection is lost, and when a message did not arrive.
func ExampleStatus() {
	page := template.Must(template.New("page").Funcs(attr.Funcs()).Parse(
		`<body {{status "_live"}} data-init="{{stream "/live"}}">
	<p role="status" data-show="$_live === 'lost'" style="display: none">No connection. Trying again ...</p>
	<form {{status "_send"}} data-on:submit="{{post "/send"}}"><input data-bind:message><button>Send</button>
		<p role="alert" data-show="$_send === 'failed'" style="display: none">That did not arrive. Send it again.</p>
	</form>
`))
	var b strings.Builder
	if err := page.Execute(&b, nil); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Count(b.String(), "data-on:datastar-fetch="))
	// Output:
	// 2
}

func ExampleFuncs() {
	page := template.Must(template.New("page").Funcs(attr.Funcs()).Parse(
		`<button id="{{elementID "like" .}}" data-on:click="{{post "/like"}}">Like {{.}}</button>` + "\n"))
	if err := page.Execute(os.Stdout, "a & b"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <button id="like-a_20_26_20b" data-on:click="@post(&#39;/like&#39;)">Like a &amp; b</button>
}

func ExampleAttr_Pair() {
	fmt.Println(gh.Button(g.Attr(attr.On("click", attr.Post("/like", nil)).Pair()), g.Text("Like")))
	// Output:
	// <button data-on:click="@post(&#39;/like&#39;)">Like</button>
}
